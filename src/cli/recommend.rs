//! `albcap recommend`: what to do with the safe limit of a record, told in several forms, applied, or taken away.

use serde_json::Value;

use super::recommend_flags::{Form, RecommendArgs};
use super::report::unreadable;
use super::settings::aws_settings;
use super::{Complaint, Exit, Output, output, signals};
use crate::aws::{Aws, AwsError, AwsSettings};
use crate::judge::judge;
use crate::judge::wording::plural;
use crate::publish::check_dimensions;
use crate::publish::recommend::{
    AlarmAction, Change, NothingToRecommend, Owner, Recommendation, Thing, Wish, aws_cli, cloudformation,
    recommend, terraform, text, to_apply, to_remove,
};
use crate::{record, report};

/// Actions that an alarm takes for one state (aws-facts.md §6).
const MOST_ACTIONS: usize = 5;

pub(super) async fn command(args: &RecommendArgs, output: &Output) -> Result<Exit, Complaint> {
    let actions = actions(args).len();
    if actions > MOST_ACTIONS {
        return Err(Complaint::usage(
            format!("{actions} actions are given, and an alarm takes {MOST_ACTIONS}"),
            "let one SNS topic tell the others",
        ));
    }
    check_dimensions(&args.dimension).map_err(|error| {
        Complaint::usage(error, "give the dimensions with which albcap publish was called")
    })?;
    let run = record::read(&args.record).map_err(|error| unreadable(&error))?;
    let judged = judge(&run);
    let nothing = |nothing: NothingToRecommend| Complaint::failed(nothing, nothing.remedy());
    if args.remove {
        let owner = Owner::of(&judged).map_err(nothing)?;
        check_regions(args, &owner)?;
        return unless_interrupted(remove(args, &owner, output)).await;
    }
    let recommendation = recommend(&judged, &wish(args)).map_err(nothing)?;
    check_regions(args, &recommendation.basis.owner())?;
    match args.apply {
        true => unless_interrupted(apply(args, &recommendation, output)).await,
        false => emit(args, &recommendation, output),
    }
}

/// Changes in the account, which a signal ends.
async fn unless_interrupted(
    changes: impl Future<Output = Result<Exit, Complaint>>,
) -> Result<Exit, Complaint> {
    let mut interrupt = signals::listen()?;
    interrupt.unless_set(changes).await.unwrap_or_else(|| {
        output::warn("interrupted; some changes may have been made. Run this again to make the rest");
        Ok(signals::exit().unwrap_or(Exit::Failed))
    })
}

/// The actions, each once.
fn actions(args: &RecommendArgs) -> Vec<AlarmAction> {
    let given = args.alarm_action.iter().enumerate();
    let first = given.filter(|(place, action)| !args.alarm_action[..*place].contains(action));
    first.map(|(_, action)| action.clone()).collect()
}

fn wish(args: &RecommendArgs) -> Wish {
    Wish {
        connections: args.connections,
        alarm_actions: actions(args),
        namespace: args.namespace.clone(),
        dimensions: args.dimension.clone(),
    }
}

/// Alarms see the metrics of their own region only, and tell only what is there too.
fn check_regions(args: &RecommendArgs, owner: &Owner) -> Result<(), Complaint> {
    let region = &owner.region;
    if let Some(asked) = args.access.region.as_ref().filter(|asked| *asked != region) {
        return Err(other_region(asked, owner));
    }
    match args.alarm_action.iter().find(|action| !action.region().is_empty() && action.region() != region) {
        None => Ok(()),
        Some(action) => Err(Complaint::usage(
            format!("{} is in {}, and alarms in {region} can't tell it", action.as_str(), action.region()),
            format!("name an action in {region}"),
        )),
    }
}

fn other_region(asked: &str, owner: &Owner) -> Complaint {
    Complaint::usage(
        format!(
            "{} is in {}, and alarms in {asked} see none of its metrics",
            owner.load_balancer, owner.region
        ),
        format!("give --region {}", owner.region),
    )
}

fn emit(args: &RecommendArgs, recommendation: &Recommendation, output: &Output) -> Result<Exit, Complaint> {
    let pretty = |document: Value| format!("{document:#}\n");
    let printed = match args.emit {
        Form::Text => told(recommendation, output),
        Form::AwsCli => aws_cli(recommendation),
        Form::Cloudformation => pretty(cloudformation(recommendation)),
        Form::Terraform => pretty(terraform(recommendation)),
    };
    output.result(&printed);
    if args.emit != Form::Text {
        warn(recommendation, output);
    }
    Ok(Exit::Done)
}

fn told(recommendation: &Recommendation, output: &Output) -> String {
    let row = |label: &str, text: &str| (label.to_owned(), text.to_owned());
    let next = [
        row("--apply", "creates these alarms and the dashboard; --remove takes them away again"),
        row("--emit", "aws-cli, cloudformation or terraform prints all of this for other hands"),
    ];
    let sections = text(recommendation);
    let parts =
        sections.iter().map(|section| (section.title, &section.rows[..])).chain([("Next", &next[..])]);
    parts.map(|(title, rows)| report::section(title, rows, output.layout())).collect::<Vec<_>>().join("\n")
}

/// What must be known before relying on it, where the result itself is for machines.
fn warn(recommendation: &Recommendation, output: &Output) {
    recommendation.cautions.iter().for_each(|caution| output.note(&format!("albcap: {caution}\n")));
    if let Err(why) = &recommendation.scaling {
        output.note(&format!("albcap: No scaling policy: {why}.\n"));
    }
}

async fn connect(args: &RecommendArgs, owner: &Owner) -> Result<Aws, Complaint> {
    let region_hint = Some(owner.region.clone());
    let settings = AwsSettings { region_hint, ..aws_settings(&args.access) };
    let aws = Aws::connect(&settings).await.map_err(|error| Complaint::of_aws(&error))?;
    match aws.region() == owner.region {
        true => Ok(aws),
        false => Err(other_region(aws.region(), owner)),
    }
}

async fn apply(
    args: &RecommendArgs,
    recommendation: &Recommendation,
    output: &Output,
) -> Result<Exit, Complaint> {
    warn(recommendation, output);
    let owner = recommendation.basis.owner();
    let aws = connect(args, &owner).await?;
    aws.confirm_load_balancer(&recommendation.basis.arn).await.map_err(|error| match error {
        AwsError::NotFound { .. } => Complaint {
            remedy: "a load balancer that was made anew wants a new run; credentials of another account see another's"
                .to_owned(),
            ..Complaint::of_aws(&error)
        },
        error => Complaint::of_aws(&error),
    })?;
    let there = aws.things_there(&owner).await.map_err(|error| Complaint::of_aws(&error))?;
    let wanted = to_apply(recommendation, &there);
    let planned: String = wanted.iter().map(|(thing, change)| line(thing, change)).collect();
    output.result(&format!("In {}:\n{planned}", recommendation.basis.region));
    let due = wanted.iter().filter(|(_, change)| change.is_due()).count();
    let mut made = 0_u64;
    let mut done = |thing: &Thing, odd: &[String]| {
        made += 1;
        let word = if matches!(thing, Thing::Outdated(_)) { "removed" } else { "made" };
        output.note(&format!("{word} {} {}\n", thing.kind(), report::visible(thing.name())));
        odd.iter().for_each(|odd| output.note(&format!("albcap: AWS finds {} odd: {odd}\n", thing.name())));
    };
    let applied = aws.apply(&wanted, &mut done).await;
    if let Err(error) = applied {
        return Err(Complaint::failed(
            format!("{error}; {made} of {} made", plural(due as u64, "change")),
            format!("{}, then run this again: what was made stands, and the rest follows", error.remedy()),
        ));
    }
    finish(&wanted, due, output)
}

/// What is to be done with a thing, a line.
fn line(thing: &Thing, change: &Change) -> String {
    let (word, note) = match change {
        Change::Create => ("create", String::new()),
        Change::Update(differences) => ("update", format!(": {}", differences.join(", "))),
        Change::Keep => ("unchanged", String::new()),
        Change::Remove => ("remove", ": nothing recommends it any more".to_owned()),
        Change::LeaveAlone => ("leave alone", ": it is there, and albcap did not make it".to_owned()),
    };
    format!("  {word:<11}  {} {}{note}\n", thing.kind(), report::visible(thing.name()))
}

fn finish(wanted: &[(Thing, Change)], due: usize, output: &Output) -> Result<Exit, Complaint> {
    let taken = wanted.iter().filter(|(_, change)| *change == Change::LeaveAlone).count();
    let kept = wanted.len() - due - taken;
    output.result(&format!("{} made, {kept} unchanged\n", plural(due as u64, "change")));
    match taken {
        0 => Ok(Exit::Done),
        taken => Err(Complaint::failed(
            format!("{} taken by what albcap did not make", plural(taken as u64, "name")),
            "rename or delete what is there, or change it where it was made (a template, perhaps)",
        )),
    }
}

async fn remove(args: &RecommendArgs, owner: &Owner, output: &Output) -> Result<Exit, Complaint> {
    let aws = connect(args, owner).await?;
    let name = owner.dashboard_name();
    let there = aws.things_there(owner).await.map_err(|error| Complaint::of_aws(&error))?;
    let (alarms, dashboard) = to_remove(owner, &there);
    if alarms.is_empty() && !dashboard {
        output.result(&format!(
            "Nothing that --apply made for {} is there in {}.\n",
            report::visible(&owner.load_balancer),
            owner.region
        ));
        return Ok(Exit::Done);
    }
    let dashboard = dashboard.then_some(name.as_str());
    let named =
        alarms.iter().map(|alarm| ("alarm", alarm.as_str())).chain(dashboard.map(|name| ("dashboard", name)));
    let planned: String =
        named.map(|(kind, name)| format!("  remove  {kind} {}\n", report::visible(name))).collect();
    output.result(&format!("In {}:\n{planned}", owner.region));
    aws.take_away(&alarms, dashboard)
        .await
        .map_err(|error| Complaint::failed(&error, format!("{}, then run this again", error.remedy())))?;
    let count = alarms.len() + usize::from(dashboard.is_some());
    output.result(&format!("{} removed\n", plural(count as u64, "resource")));
    Ok(Exit::Done)
}
