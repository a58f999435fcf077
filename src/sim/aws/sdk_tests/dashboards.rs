use super::*;

const BODY: &str = r##"{"widgets":[{"type":"text","properties":{"markdown":"# hello"}}]}"##;

#[tokio::test]
async fn a_dashboard_is_kept_told_listed_and_deleted() {
    let endpoint = Endpoint::start().await;
    let cloudwatch = endpoint.cloudwatch();
    let answer =
        cloudwatch.put_dashboard().dashboard_name("albcap-run").dashboard_body(BODY).send().await.unwrap();
    assert_eq!(answer.dashboard_validation_messages(), []);
    let told = cloudwatch.get_dashboard().dashboard_name("albcap-run").send().await.unwrap();
    assert_eq!(told.dashboard_body(), Some(BODY));
    assert_eq!(told.dashboard_arn(), Some("arn:aws:cloudwatch::123456789012:dashboard/albcap-run"));
    let listed = cloudwatch.list_dashboards().dashboard_name_prefix("albcap").send().await.unwrap();
    assert_eq!(listed.dashboard_entries()[0].size(), Some(i64::try_from(BODY.len()).unwrap()));
    cloudwatch.delete_dashboards().dashboard_names("albcap-run").send().await.unwrap();
    let gone = cloudwatch.get_dashboard().dashboard_name("albcap-run").send().await.unwrap_err();
    assert_eq!(gone.raw_response().unwrap().status().as_u16(), 404);
    assert!(gone.into_service_error().is_dashboard_not_found_error());
    let again = cloudwatch.delete_dashboards().dashboard_names("albcap-run").send().await;
    assert_eq!(refusal!(again), ("ResourceNotFound".to_owned(), 404));
}

#[tokio::test]
async fn an_invalid_body_is_refused_with_all_its_problems() {
    use aws_sdk_cloudwatch::error::ProvideErrorMetadata as _;
    let endpoint = Endpoint::start().await;
    let cloudwatch = endpoint.cloudwatch();
    let put =
        |name: &str, body: &str| cloudwatch.put_dashboard().dashboard_name(name).dashboard_body(body).send();
    let error = put("d", r#"{"widgets":[{"type":"metric","properties":{}}]}"#)
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!(error.code(), Some("InvalidParameterInput"));
    assert!(error.message().unwrap().contains("there are 3 validation errors"));
    let aws_sdk_cloudwatch::operation::put_dashboard::PutDashboardError::DashboardInvalidInputError(modelled) =
        error
    else {
        panic!("{error:?}")
    };
    let [first, ..] = modelled.dashboard_validation_messages() else { panic!("{modelled:?}") };
    assert_eq!(first.data_path(), Some("/widgets/0/properties"));
    assert_eq!(first.message(), Some("Should have required property 'metrics'"));
    let invalid = ("InvalidParameterInput".to_owned(), 400);
    assert_eq!(refusal!(put("no spaces", BODY).await), invalid);
    assert_eq!(refusal!(put("d", "{").await), invalid);
    let kept = cloudwatch.list_dashboards().send().await.unwrap();
    assert_eq!(kept.dashboard_entries(), []);
}
