//! Every flag, defined once: help, man page, completions, environment and config file come from here. What holds the value
//! of a flag that may be a secret has no debug form.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::conversation_flags::ConversationFlags;
use super::iam_policy_flags::IamPolicyArgs;
use super::publish_flags::{PublishArgs, PublishFlags};
use super::recommend_flags::RecommendArgs;
use super::simulate_flags::SimulateArgs;
use super::token_flags::TokenFlags;
use crate::plan::quantity::{parse_count, parse_duration};
use crate::plan::{
    AbortRule, ConnectTo, Levels, LoadBalancerRef, Mode, Rate, RequestHeader, Resolve, Share, SourceAddresses,
};
use crate::preflight;

const AFTER_HELP: &str = "\
Exit codes: 0 done, nothing contradicts · 1 failed: I/O, AWS did not answer, nothing could be opened
  2 usage · 3 refused, nothing was opened or read: preflight, no such load balancer, no credentials
  or region · 4 below --require, or stopped by the brake · 5 CloudWatch contradicts the clients
  6 inconclusive · 129/130/143 interrupted by SIGHUP/SIGINT/SIGTERM.
For run, preflight, analyze, publish and config show, every flag can also be set in the environment
  (ALBCAP_LEVELS=50,100; several headers, replies, rules, exports or subprotocols a line each) or in
  a --config file (levels = [50, 100]). Defaults < file < environment < command line.";

/// How many WebSocket connections does your AWS Application Load Balancer really hold, and does CloudWatch say the same
/// as your clients?
#[derive(Parser)]
#[command(name = "albcap", version, after_help = AFTER_HELP, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Open, hold and close level after level, then set CloudWatch's numbers beside the clients'
    Run(Box<RunArgs>),
    /// The same run on an embedded simulated ALB: no account, no flags, under a minute
    Demo,
    /// The checks alone; opens no load
    Preflight(Box<RunArgs>),
    /// Read CloudWatch again for a finished (or killed) run, and judge again
    Analyze(Box<AnalyzeArgs>),
    /// Show a record as a table, JSON or HTML
    Report(ReportArgs),
    /// Alarms, scaling, settings and a dashboard for a record's safe limit; printed, applied, or taken away
    Recommend(Box<RecommendArgs>),
    /// A simulated ALB and AWS endpoint, left running
    Simulate(Box<SimulateArgs>),
    /// Send a record to CloudWatch as custom metrics and log events; safe to repeat
    Publish(Box<PublishArgs>),
    /// The least IAM policy for what the given flags will do
    IamPolicy(IamPolicyArgs),
    /// JSON Schema of the record's lines or of the JSON report
    Schema {
        /// Which document
        #[arg(value_enum, default_value = "report")]
        document: Document,
    },
    /// Shell completions
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// The man page, as roff
    Man,
    /// Where each setting of `run` comes from
    Config {
        #[command(subcommand)]
        action: ConfigAction,
    },
}

#[derive(Subcommand)]
pub(crate) enum ConfigAction {
    /// Print every flag of `run`, its value, and whether default, file, environment or command line gave it
    Show(Box<RunFlags>),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Document {
    /// A line of the record
    Record,
    /// `report --format json`
    Report,
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// Where the WebSockets are: ws://… or wss://…
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    #[command(flatten)]
    pub(crate) flags: RunFlags,
}

#[derive(Args)]
pub(crate) struct RunFlags {
    #[command(flatten)]
    pub(crate) target: TargetFlags,
    #[command(flatten)]
    pub(crate) load: LoadFlags,
    #[command(flatten)]
    pub(crate) conversation: ConversationFlags,
    #[command(flatten)]
    pub(crate) tokens: TokenFlags,
    #[command(flatten)]
    pub(crate) safety: SafetyFlags,
    #[command(flatten)]
    pub(crate) aws: AwsFlags,
    #[command(flatten)]
    pub(crate) results: ResultFlags,
    #[command(flatten)]
    pub(crate) publishing: PublishFlags,
    /// Publish while the load runs too; what could not be sent then follows at the end
    #[arg(long, help_heading = "Publishing")]
    pub(crate) live: bool,
}

#[derive(Args)]
#[command(next_help_heading = "Target and network")]
pub(crate) struct TargetFlags {
    /// Extra request header, or a file of them, one a line (# begins a comment); a secret belongs into a file or
    /// ALBCAP_HEADER, since the command line is public
    #[arg(short = 'H', long, value_name = "'NAME: VALUE'|@FILE")]
    pub(crate) header: Vec<String>,
    /// The Origin header
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) origin: Option<String>,
    /// Subprotocol to offer; repeat in order of preference
    #[arg(long, value_name = "NAME")]
    pub(crate) subprotocol: Vec<String>,
    /// PEM file of certificates to trust in place of the system's
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// PEM file of the client's certificate, for mTLS
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// PEM file of the client's private key
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Accept whatever certificate the server shows
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// Resume TLS sessions by the tickets of earlier connections: cheaper than the handshakes of as many real clients
    #[arg(long)]
    pub(crate) tls_resume: bool,
    /// Connect to HOST2:PORT2 in place of HOST:PORT, as in curl: empty parts match any or keep, IPv6 in brackets; Host
    /// header and SNI stay; may be repeated, the first match counts
    #[arg(long, value_name = "HOST:PORT:HOST2:PORT2")]
    pub(crate) connect_to: Vec<ConnectTo>,
    /// The addresses of HOST (* for any) at PORT, as in curl; may be repeated
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]")]
    pub(crate) resolve: Vec<Resolve>,
    /// How often the name is resolved anew while opening; connections spread over all of its addresses
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_positive_duration)]
    pub(crate) dns_ttl: Duration,
    /// Source addresses, ranges and blocks that connections are spread over, of the target's family:
    /// 10.0.0.5,10.0.1.0-10.0.1.9,10.0.2.0/28
    #[arg(long, value_name = "LIST")]
    pub(crate) source_ip: Option<SourceAddresses>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadFlags {
    /// The test points, ascending: 50,100,5k
    #[arg(short, long, value_name = "LIST", default_value = "50,100,200,500,1000,2000,5000", value_parser = parse_levels)]
    pub(crate) levels: Levels,
    /// Search for the limit up to MAX connections in place of --levels: double, then bisect, then hold what passed once
    /// more
    #[arg(long, value_name = "MAX", value_parser = parse_positive)]
    pub(crate) search: Option<u32>,
    /// How close a search brings the highest level that passes and the lowest that fails: at least 1 %
    #[arg(long, value_name = "SHARE", default_value = "5%")]
    pub(crate) precision: Share,
    /// Whether every level opens anew and closes all, or opens only what is missing to those alive
    #[arg(long, value_name = "MODE", value_enum, default_value = "fresh")]
    pub(crate) mode: LevelMode,
    /// Least time that every level is held, from when its last connection attempt settled
    #[arg(short, long, value_name = "TIME", default_value = "120s", value_parser = parse_duration)]
    pub(crate) duration: Duration,
    /// Whole CloudWatch periods that every hold must contain; the hold is extended for them; 0 never extends
    #[arg(long, value_name = "N", default_value = "2")]
    pub(crate) periods: u32,
    /// Handshakes started a second, by absolute schedule [default: as fast as the window turns]
    #[arg(long, value_name = "N[/s]")]
    pub(crate) rate: Option<Rate>,
    /// Handshakes in flight at most
    #[arg(long, value_name = "N", default_value = "256", value_parser = parse_positive)]
    pub(crate) window: u32,
    /// Closes a second at a level's end (--mode cumulative: the run's) and on the first Ctrl-C [default: as --rate; without it, all at once]
    #[arg(long, value_name = "N[/s]")]
    pub(crate) close_rate: Option<Rate>,
    /// Rest between two levels
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    pub(crate) pause: Duration,
    /// From the name's resolution to the finished upgrade, or to the message that --ready waits for. Where a name has
    /// addresses of both families, one that never took a connection gets a quarter of it
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_positive_duration)]
    pub(crate) connect_timeout: Duration,
    /// Success rate that a level must hold
    #[arg(long, value_name = "SHARE", default_value = "95%")]
    pub(crate) threshold: Share,
    /// Safe limit = highest reliable level x this
    #[arg(long, value_name = "SHARE", default_value = "80%")]
    pub(crate) safety: Share,
    /// Go on after the first failed level; a search always does
    #[arg(long)]
    pub(crate) keep_going: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelMode {
    /// Every level opens all of its connections, and closes them
    Fresh,
    /// Connections live on into the next level; all are closed at the end of the run
    Cumulative,
}

impl From<LevelMode> for Mode {
    fn from(mode: LevelMode) -> Mode {
        match mode {
            LevelMode::Fresh => Mode::Fresh,
            LevelMode::Cumulative => Mode::Cumulative,
        }
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct SafetyFlags {
    /// Stop the load at once where that holds, and exit with 4; may be repeated. client.failed_rate and client.http_5xx
    /// (of the level under way) act within a second; the ALB's metrics, such as 'HTTPCode_ELB_5XX_Count > 100', when
    /// CloudWatch delivers them, minutes late
    #[arg(long, value_name = "'METRIC OP VALUE'")]
    pub(crate) abort_if: Vec<AbortRule>,
    /// No brake but --abort-if [default: where others use the ALB, UnHealthyHostCount above what it was before]
    #[arg(long)]
    pub(crate) no_abort: bool,
    /// Go on past that refused check (never past an impossible plan)
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(preflight::NAMES))]
    pub(crate) force: Vec<String>,
}

#[derive(Args)]
#[command(next_help_heading = "AWS")]
pub(crate) struct AwsFlags {
    /// The ALB's name or ARN; left out, it is found from the URL's host
    #[arg(long, value_name = "NAME|ARN")]
    pub(crate) load_balancer: Option<LoadBalancerRef>,
    #[command(flatten)]
    pub(crate) access: AwsAccess,
    /// How far before the start the ALB's own traffic is measured
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = parse_duration)]
    pub(crate) baseline: Duration,
    /// Longest wait for CloudWatch after the last close (analyze: from its start); 0 does not wait (analyze: reads once)
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    pub(crate) settle: Duration,
    /// CloudWatch period: 1, 5, 10, 20, 30 or a multiple of 60 s; AWS has 60 s for ALBs
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_period)]
    pub(crate) period: crate::plan::Period,
    /// TOML file of prices in place of those inside (docs/prices.md), for what the run will cost
    #[arg(long, value_name = "FILE")]
    pub(crate) prices: Option<PathBuf>,
    /// Client side only: CloudWatch is not asked
    #[arg(long)]
    pub(crate) no_aws: bool,
}

/// Who asks AWS, and where.
#[derive(Clone, Default, Args)]
#[command(next_help_heading = "AWS")]
pub(crate) struct AwsAccess {
    /// Profile of the AWS configuration
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// AWS Region
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Another AWS endpoint, for all services
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct ResultFlags {
    /// Where the record goes; - streams it to standard output and sends the table to standard error
    /// [default: albcap-runs/<run id>.jsonl]
    #[arg(long, value_name = "PATH|-")]
    pub(crate) record: Option<PathBuf>,
    /// Write the report there too: .json or .html by its ending; may be repeated. Only the record is private (0600)
    #[arg(long, value_name = "PATH")]
    pub(crate) export: Vec<PathBuf>,
    /// Exit with 4 when the safe limit is below N
    #[arg(long, value_name = "N", value_parser = parse_count)]
    pub(crate) require: Option<u32>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputFlags {
    /// Results only: no progress, and neither preflight nor plan before them
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// What happens, on standard error: levels, what AWS was asked for; -vv every call of AWS and every failure
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto")]
    pub(crate) color: Color,
    /// TOML file of flags, for run, preflight, analyze, publish and config show; environment and command line beat it
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Args)]
pub(crate) struct AnalyzeArgs {
    /// The record of a run
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    #[command(flatten)]
    pub(crate) aws: AwsFlags,
    /// Write the report there too: .json or .html by its ending; may be repeated. Only the record is private (0600)
    #[arg(long, value_name = "PATH", help_heading = "Results")]
    pub(crate) export: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The record of a run
    #[arg(value_name = "RECORD")]
    pub(crate) record: PathBuf,
    /// How it is shown
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, in a terminal
    Table,
    /// For programs (schema 1)
    Json,
    /// For people, in a browser
    Html,
}

fn parse_levels(text: &str) -> Result<Levels, crate::plan::LevelsError> {
    text.parse()
}

pub(super) fn parse_positive(text: &str) -> Result<u32, String> {
    match parse_count(text) {
        Ok(0) => Err("it must be at least 1".into()),
        Ok(count) => Ok(count),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn parse_positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("it must be longer than 0".into()),
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn parse_period(text: &str) -> Result<crate::plan::Period, String> {
    let length = parse_duration(text).map_err(|error| error.to_string())?;
    crate::plan::Period::new(length).map_err(|error| error.to_string())
}

/// A header as it was typed, or the lines of a file; there, empty lines and those that start with `#` say nothing.
pub(crate) fn parse_headers(given: &[String]) -> Result<Vec<RequestHeader>, super::Complaint> {
    use super::Complaint;
    let mut headers: Vec<RequestHeader> = Vec::new();
    for text in given {
        let Some(path) = text.strip_prefix('@') else {
            let header = text.parse().map_err(|error| Complaint::usage(error, "see albcap run --help"))?;
            headers.push(header);
            continue;
        };
        let remedy = "give a readable file of 'NAME: VALUE' lines";
        let lines = std::fs::read_to_string(path).map_err(|error| {
            Complaint::usage(format!("the header file {path} can't be read: {error}"), remedy)
        })?;
        let said = |(_, line): &(usize, &str)| !line.trim().is_empty() && !line.starts_with('#');
        for (number, line) in lines.lines().enumerate().filter(said) {
            let header = line.parse().map_err(|error| {
                Complaint::usage(
                    format!("the header file {path}, line {}: {error}", number + 1),
                    "correct that line, or begin it with # to leave it out",
                )
            })?;
            headers.push(header);
        }
    }
    if headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host")).count() > 1 {
        return Err(Complaint::usage(
            "several Host headers are given, and a request has one",
            "leave all but one out",
        ));
    }
    Ok(headers)
}
