//! Long lists, a page at a time.

use serde::Deserialize;
use utoipa::IntoParams;

use super::problem::Problem;

/// How many a page has, unless told.
const USUAL: usize = 100;
/// How many a page has at the most.
const MOST: usize = 1000;

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// How many: 1 to 1000.
    #[param(default = 100, minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// Only what follows this one: the `next` of the page before.
    pub after: Option<String>,
}

impl Page {
    pub fn limit(&self) -> Result<usize, Problem> {
        let limit = self.limit.unwrap_or(USUAL);
        let is_right = (1..=MOST).contains(&limit);
        if is_right { Ok(limit) } else { Err(Problem::bad_request(format!("limit is 1 to {MOST}"))) }
    }
}
