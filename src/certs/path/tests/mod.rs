mod suites;

use super::*;
