//! `lgrp N`

use super::{Arg, Kind, Statement};

pub(super) const STATEMENTS: &[Statement] =
    &[Statement::new(Kind::Lgrp, "lgrp", Arg::Names(16), "codes of locations that belong together")
        .kept("no location is known")
        .doc("The whole object is one line: 'lgrp 1 de,at,ch'.")];
