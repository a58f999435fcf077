//! From flags as typed to values in which every rule has been decided.

use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::Utc;

use super::args::{AwsAccess, AwsFlags, LevelMode, LoadFlags, RunArgs, RunFlags, TargetFlags, parse_headers};
use super::output::{shown, warn};
use super::publish_flags::Publishable;
use super::{Complaint, Output};
use crate::aws::AwsSettings;
use crate::conduct::Inquiry;
use crate::judge::Judged;
use crate::plan::{
    Brake, CloudWatchPlan, Hold, Pace, PassRule, Plan, RequestHeader, Route, Schedule, Search, Target,
    TargetUrl, Template, TlsOptions, TokenPlace, TokenPlan, is_http_token, longest_life,
};
use crate::preflight::BesidePlan;
use crate::prices::Prices;
use crate::publish::expected_metrics;
use crate::record::{Header, Host, SCHEMA};
use crate::{machine, report};

/// What a command line of `run` or `preflight` means.
pub(super) struct Settings {
    pub(super) plan: Plan,
    pub(super) target: Target,
    /// `None` with `--no-aws`.
    pub(super) aws: Option<AwsSettings>,
    pub(super) prices: Prices,
    pub(super) forced: Vec<String>,
    /// Custom metrics that the run will publish, as far as that can be known.
    pub(super) metrics_published: u64,
}

impl Settings {
    pub(super) fn from(args: &RunArgs) -> Result<Settings, Complaint> {
        let flags = &args.flags;
        let url: TargetUrl = args.url.parse().map_err(|error| {
            Complaint::usage(error, "give the URL that your clients use, such as wss://ws.example.com/socket")
        })?;
        if flags.aws.no_aws && !flags.publishing.publish.is_empty() {
            return Err(Complaint::usage(
                "--publish sends to CloudWatch, and --no-aws asks for nothing of AWS",
                "leave one of them out; albcap publish RECORD sends a finished run",
            ));
        }
        let load = &flags.load;
        let target = target(url, args)?;
        let cloudwatch = (!flags.aws.no_aws).then(|| cloudwatch(&flags.aws));
        let hold = Hold::new(load.duration, load.periods, cloudwatch.map(|cloudwatch| cloudwatch.period));
        let mut plan = Plan {
            url: target.url.shown(),
            load_balancer: flags.aws.load_balancer.clone(),
            schedule: schedule(load)?,
            mode: load.mode.into(),
            hold: hold
                .map_err(|error| Complaint::usage(error, "give fewer --periods, or a shorter --period"))?,
            heartbeat: flags.conversation.heartbeat(&target.conversation),
            pace: Pace {
                window: load.window,
                rate: load.rate,
                close_rate: load.close_rate.or(load.rate),
                connect_timeout: load.connect_timeout,
                pause: load.pause,
            },
            rule: PassRule {
                threshold: load.threshold,
                safety: load.safety,
                keep_going: load.keep_going,
                require: flags.results.require,
            },
            brake: brake(flags)?,
            cloudwatch,
            route: route(&flags.target),
            tokens: None,
        };
        for rate in [plan.pace.rate, plan.pace.close_rate].into_iter().flatten() {
            rate.check_span(plan.schedule.largest()).map_err(|error| {
                Complaint::usage(error, "give a higher --rate or --close-rate, or smaller levels")
            })?;
        }
        let aws = (!flags.aws.no_aws).then(|| aws_settings(&flags.aws.access));
        let target = Target { tokens: flags.tokens.tokens(longest_life(&plan))?, ..target };
        plan.tokens = fitting(&target, &plan)?;
        let prices = prices(flags.aws.prices.as_deref())?.unwrap_or_default();
        let metrics_published = match flags.publishing.publish.contains(&Publishable::Metrics) {
            true => expected_metrics(plan.schedule.most().levels),
            false => 0,
        };
        let forced = flags.safety.force.clone();
        Ok(Settings { plan, target, aws, prices, forced, metrics_published })
    }
}

/// Refuses tokens that the plan, or the rest of the request, leaves no room for; what may be told of the others.
fn fitting(target: &Target, plan: &Plan) -> Result<Option<TokenPlan>, Complaint> {
    let in_message = target.conversation.on_open.as_ref().is_some_and(Template::has_token);
    let Some(tokens) = &target.tokens else {
        let sources = "give one of --token-file, --token-cmd, --token-url and --jwt-key";
        let nothing = "--on-open has a place for {{token}}, but nothing gives connections tokens";
        return if in_message { Err(Complaint::usage(nothing, sources)) } else { Ok(None) };
    };
    if tokens.place == TokenPlace::Message && !in_message {
        return Err(Complaint::usage(
            "--token-in message, but no message has a place for the token",
            "write {{token}} in --on-open where the token is to stand",
        ));
    }
    tokens
        .place
        .check_free(&target.url, &target.headers)
        .map_err(|error| Complaint::usage(error, "leave one of them out, or name another --token-in"))?;
    tokens.fit(plan, Utc::now()).map_err(|misfit| Complaint::refused(misfit, misfit.remedy()))?;
    Ok(Some(tokens.told()))
}

impl Settings {
    /// What is to be asked before the load.
    pub(super) fn inquiry(&self) -> Inquiry<'_> {
        Inquiry {
            plan: &self.plan,
            aws: self.aws.as_ref(),
            prices: &self.prices,
            beside: BesidePlan {
                client_certificate: self.target.tls.cert.is_some(),
                metrics_published: self.metrics_published,
            },
        }
    }

    /// The first line of the record of a run by these settings.
    pub(super) fn header(&self, run_id: &str) -> Header {
        let (name, platform) = machine::host();
        Header {
            schema: SCHEMA,
            run_id: run_id.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            host: Host { name, platform },
            plan: self.plan.clone(),
        }
    }
}

/// The levels, or the search that takes their place.
fn schedule(load: &LoadFlags) -> Result<Schedule, Complaint> {
    let Some(max) = load.search else { return Ok(Schedule::Levels(load.levels.clone())) };
    if load.mode == LevelMode::Cumulative {
        return Err(Complaint::usage(
            "--search goes down as well as up, and with --mode cumulative no level closes what is open",
            "search with --mode fresh, or climb through --levels with --mode cumulative",
        ));
    }
    let search = Search::new(max, load.precision)
        .map_err(|error| Complaint::usage(error, "give for example --search 5k --precision 5%"))?;
    Ok(Schedule::Search(search))
}

/// The brake; without AWS, the ALB's metrics can't move it.
fn brake(flags: &RunFlags) -> Result<Brake, Complaint> {
    let rules = flags.safety.abort_if.clone();
    if let Some(rule) = rules.iter().find(|rule| rule.alb_metric().is_some() && flags.aws.no_aws) {
        return Err(Complaint::usage(
            format!("--abort-if '{rule}' is CloudWatch's to tell, which --no-aws does not ask"),
            "leave --no-aws out, or brake by client.failed_rate or client.http_5xx",
        ));
    }
    Ok(Brake { rules, by_default: !flags.safety.no_abort })
}

/// What is asked of CloudWatch.
pub(super) fn cloudwatch(flags: &AwsFlags) -> CloudWatchPlan {
    CloudWatchPlan { period: flags.period, baseline: flags.baseline, settle: flags.settle }
}

/// The user's own prices, where they are given.
pub(super) fn prices(file: Option<&Path>) -> Result<Option<Prices>, Complaint> {
    let Some(path) = file else { return Ok(None) };
    let wrong = |what: &str| format!("the price file {}: {what}", path.display());
    let remedy = "docs/prices.md shows such a file; without --prices the table inside is used";
    let text = std::fs::read_to_string(path)
        .map_err(|error| Complaint::usage(wrong(&format!("it can't be read: {error}")), remedy))?;
    let prices = Prices::over_the_table(&text);
    prices.map(Some).map_err(|error| Complaint::usage(wrong(&error.to_string()), remedy))
}

/// How AWS is reached.
pub(super) fn aws_settings(flags: &AwsAccess) -> AwsSettings {
    AwsSettings {
        profile: flags.profile.clone(),
        region: flags.region.clone(),
        endpoint_url: flags.endpoint_url.clone(),
        ..AwsSettings::default()
    }
}

fn route(flags: &TargetFlags) -> Route {
    Route {
        dns_ttl: flags.dns_ttl,
        connect_to: flags.connect_to.clone(),
        resolve: flags.resolve.clone(),
        source_ip: flags.source_ip.clone(),
    }
}

fn target(url: TargetUrl, args: &RunArgs) -> Result<Target, Complaint> {
    let flags = &args.flags.target;
    let mut headers = parse_headers(&flags.header)?;
    if let Some(origin) = &flags.origin {
        let header: RequestHeader = format!("Origin: {origin}")
            .parse()
            .map_err(|error| Complaint::usage(error, "an origin looks like https://app.example.com"))?;
        headers.push(header);
    }
    if let Some(wrong) = flags.subprotocol.iter().position(|name| !is_http_token(name)) {
        return Err(Complaint::usage(
            format!("--subprotocol number {} is not a valid subprotocol name", wrong + 1),
            "names are single words, such as graphql-transport-ws",
        ));
    }
    let tls = TlsOptions {
        ca_cert: flags.cacert.clone(),
        cert: flags.cert.clone(),
        key: flags.key.clone(),
        insecure: flags.insecure,
        resume: flags.tls_resume,
    };
    let preset = args.flags.conversation.protocol.and_then(|protocol| protocol.subprotocol);
    let subprotocols = match preset {
        Some(name) if flags.subprotocol.is_empty() => vec![name.to_owned()],
        _ => flags.subprotocol.clone(),
    };
    let conversation = args.flags.conversation.conversation()?;
    Ok(Target { url, headers, subprotocols, tls, conversation, tokens: None })
}

/// A file that the report is written to, its format known by its ending.
pub(super) struct Export {
    path: PathBuf,
    format: ExportFormat,
}

enum ExportFormat {
    Json,
    Html,
}

impl Export {
    /// Refuses what can't be written, and what would be written over the record or another export, before anything is
    /// opened. The record is `None` where it is no file.
    pub(super) fn all(paths: &[PathBuf], record: Option<&Path>) -> Result<Vec<Export>, Complaint> {
        for (place, path) in paths.iter().enumerate() {
            if record.is_some_and(|record| are_one_file(path, record)) {
                return Err(Complaint::usage(
                    format!("'{}' is the record, and --export would be written over it", path.display()),
                    "give --export another path",
                ));
            }
            if paths[..place].iter().any(|other| are_one_file(path, other)) {
                return Err(Complaint::usage(
                    format!("'{}' is given to --export twice", path.display()),
                    "give each report a path of its own",
                ));
            }
        }
        paths.iter().map(|path| Export::of(path)).collect()
    }

    fn of(path: &Path) -> Result<Export, Complaint> {
        let format = match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => ExportFormat::Json,
            Some("html") => ExportFormat::Html,
            _ => {
                return Err(Complaint::usage(
                    format!("'{}' has no ending that tells its format", path.display()),
                    "use .json or .html",
                ));
            }
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(Complaint::usage(
                format!("the folder {} for --export is not there", folder.display()),
                "make it, or give another path",
            ));
        }
        let export = Export { path: path.to_owned(), format };
        export.try_out().map_err(|error| {
            Complaint::usage(
                format!("--export {} can't be written: {error}", path.display()),
                "give another path: a file, in a folder that can be written to",
            )
        })?;
        Ok(export)
    }

    /// Whether it can be written, found out before the load and not after it: by a file beside it, as [`Export::write`]
    /// makes one, since what has that name now is to stay as it is until there is something to take its place.
    fn try_out(&self) -> std::io::Result<()> {
        if self.path.is_dir() {
            return Err(std::io::ErrorKind::IsADirectory.into());
        }
        let beside = self.beside();
        create_new(&beside).and_then(|_| std::fs::remove_file(&beside))
    }

    /// Writes the report, whole or not at all, with the usual permissions: unlike the record, it is made to be shown.
    pub(super) fn write(&self, judged: &Judged<'_>) -> Result<(), Complaint> {
        let text = match self.format {
            ExportFormat::Json => report::json(judged),
            ExportFormat::Html => report::html(judged),
        };
        let beside = self.beside();
        let written = create_new(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .and_then(|()| std::fs::rename(&beside, &self.path));
        written.map_err(|error| {
            // What is half written helps nobody.
            let _ = std::fs::remove_file(&beside);
            Complaint::failed(
                format!("{} can't be written: {error}", self.path.display()),
                "the record is kept: albcap report RECORD shows it again",
            )
        })
    }

    /// A name in the same folder that no other file has, and no other process takes.
    fn beside(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!(".{name}.{}-{:08x}", std::process::id(), fastrand::u32(..)))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether two paths lead to one file, however they are written. A file need not be there yet.
fn are_one_file(one: &Path, other: &Path) -> bool {
    let entry = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    let same = |a: Option<PathBuf>, b: Option<PathBuf>| a.is_some() && a == b;
    same(entry(one), entry(other)) || same(one.canonicalize().ok(), other.canonicalize().ok())
}

fn create_new(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)
}

/// Writes all exports, the second in spite of the first one's failure; the first failure is returned.
pub(super) fn write_all(exports: &[Export], judged: &Judged<'_>, output: &Output) -> Result<(), Complaint> {
    let mut first_failure = Ok(());
    for export in exports {
        match export.write(judged) {
            Ok(()) => output.note(&format!("export  {}\n", shown(export.path()))),
            Err(complaint) if first_failure.is_ok() => first_failure = Err(complaint),
            Err(complaint) => warn(&complaint.cause),
        }
    }
    first_failure
}
