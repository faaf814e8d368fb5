//! `exgate.v1.PolicyService`.

use exgate_proto::convert::field::to_instant;
use exgate_proto::names::PolicyName;
use exgate_proto::types::v1 as types;
use exgate_proto::v1 as pb;
use exgate_proto::v1::policy_service_server::PolicyService;
use tonic::{Request, Response, Status};

use super::simulations::Events;
use super::{OperatorApi, name, page};
use crate::operator::PolicyList;
use crate::policies::{
    Applied, AppliedDocument, Change, Diagnostic, PolicyFile, Severity, StoredPolicy,
};

#[tonic::async_trait]
impl PolicyService for OperatorApi {
    async fn apply_documents(
        &self,
        request: Request<pb::ApplyDocumentsRequest>,
    ) -> Result<Response<pb::ApplyDocumentsResponse>, Status> {
        let pb::ApplyDocumentsRequest { files, validate_only, prune } = request.into_inner();
        let file = |file: types::PolicyFile| {
            let types::PolicyFile { path, content } = file;
            PolicyFile { path, content }
        };
        let files = files.into_iter().map(file).collect();
        let Applied { documents, bundle, warnings, groups: _, last_sync_keys: _ } =
            self.operator.apply_documents(files, validate_only, prune).await?;
        Ok(Response::new(pb::ApplyDocumentsResponse {
            documents: documents.into_iter().map(document).collect(),
            bundle_digest: bundle.map(|digest| digest.to_string()).unwrap_or_default(),
            diagnostics: warnings.into_iter().map(diagnostic).collect(),
        }))
    }

    type SimulatePoliciesStream = Events;

    async fn simulate_policies(
        &self,
        request: Request<pb::SimulatePoliciesRequest>,
    ) -> Result<Response<Events>, Status> {
        Ok(Response::new(self.simulate(request.into_inner()).await?))
    }

    async fn list_policies(
        &self,
        request: Request<pb::ListPoliciesRequest>,
    ) -> Result<Response<pb::ListPoliciesResponse>, Status> {
        let pb::ListPoliciesRequest { page_size, page_token } = request.into_inner();
        let found = self.operator.list_policies(&page(page_size, page_token)).await?;
        let PolicyList { page, bundle } = found;
        Ok(Response::new(pb::ListPoliciesResponse {
            policies: page.rows.into_iter().map(|it| policy(it, String::new())).collect(),
            next_page_token: page.next,
            bundle_digest: bundle.map(|digest| digest.to_string()).unwrap_or_default(),
        }))
    }

    async fn get_policy(
        &self,
        request: Request<pb::GetPolicyRequest>,
    ) -> Result<Response<pb::Policy>, Status> {
        let PolicyName(asked) = name("name", &request.into_inner().name)?;
        let (found, content) = self.operator.get_policy(&asked).await?;
        let source = String::from_utf8_lossy(&content).into_owned();
        Ok(Response::new(policy(found, source)))
    }
}

fn document(document: AppliedDocument) -> pb::AppliedDocument {
    let AppliedDocument { kind, name, change } = document;
    let change = match change {
        Change::Created => "created",
        Change::Configured => "configured",
        Change::Unchanged => "unchanged",
        Change::Removed => "removed",
    };
    pb::AppliedDocument { kind, name, change: change.to_owned() }
}

fn diagnostic(found: Diagnostic) -> types::Diagnostic {
    let Diagnostic { path, line, column, key, message, suggestion, severity } = found;
    let severity = match severity {
        Severity::Error => types::Severity::Error,
        Severity::Warning => types::Severity::Warning,
    };
    types::Diagnostic { path, line, column, key, message, suggestion, severity: severity.into() }
}

fn policy(stored: StoredPolicy, source: String) -> pb::Policy {
    let StoredPolicy { name, kind, path, line: _, applied_at } = stored;
    pb::Policy {
        name: PolicyName(name).to_string(),
        kind,
        path,
        source,
        applied_at: Some(to_instant(applied_at)),
    }
}
