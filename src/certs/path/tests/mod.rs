mod differential;
mod flaws;
mod forge;
mod hostile;
mod limits;
mod paths;
mod pkits;
mod reading;
mod suites;

use super::*;
