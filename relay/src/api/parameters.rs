//! Which query parameters a request may have: those that the document names. A misspelt one is refused, since it would
//! otherwise change nothing, and nobody would notice.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{OpenApi, RefOr};

use super::problem::Problem;

/// The names of the query parameters, by path and method.
#[derive(Clone, Debug)]
pub struct Parameters(Arc<BTreeMap<(String, Method), Vec<String>>>);

impl From<&OpenApi> for Parameters {
    fn from(document: &OpenApi) -> Self {
        let mut names = BTreeMap::new();
        for (path, item) in &document.paths.paths {
            let operations = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, operation) in operations {
                names.extend(operation.as_ref().map(|operation| ((path.clone(), method), in_query(operation))));
            }
        }
        Parameters(Arc::new(names))
    }
}

fn in_query(operation: &Operation) -> Vec<String> {
    let named = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    let in_query = named.filter(|parameter| matches!(parameter.parameter_in, ParameterIn::Query));
    in_query.map(|parameter| parameter.name.clone()).collect()
}

impl Parameters {
    /// Why a request is refused, if one of its parameters is unknown.
    fn refusal(&self, request: &Request) -> Option<Problem> {
        let path = request.extensions().get::<MatchedPath>()?.as_str();
        let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
        let known = self.0.get(&(path.to_owned(), method))?;
        // One that cannot be read is refused where it is read.
        let Query(given) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()).ok()?;
        let (unknown, _) = given.into_iter().find(|(name, _)| !known.contains(name))?;
        let there_are =
            if known.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", known.join(", ")) };
        Some(Problem::bad_request(format!("this resource takes no parameter “{unknown}”: {there_are}")))
    }
}

/// Lets requests with known parameters through.
pub async fn only_known(State(parameters): State<Parameters>, request: Request, next: Next) -> Response {
    match parameters.refusal(&request) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}
