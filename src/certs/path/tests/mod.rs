mod differential;
mod flaws;
mod forge;
mod hostile;
mod limits;
mod paths;
mod reading;
mod suites;

use super::*;
