//! `lgrp N`

use super::{Arg, Kind, Statement};
use crate::location::CODE_MAX;

pub(super) const STATEMENTS: &[Statement] =
    &[Statement::new(Kind::Lgrp, "lgrp", Arg::Names(CODE_MAX), "codes of locations that belong together")
        .doc(
            "The whole object is one line: 'lgrp 1 de,at,ch'. The codes are those of the files of 'ipdb' and 'ipdb6'; \
             letters may be small or capital. See 'LOCATION'.",
        )];
