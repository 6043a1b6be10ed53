//! A configuration that is changed again and again under load.
