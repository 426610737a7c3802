//! Why a path is refused.

/// Why servers may read a path, or the URL around it, in different ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFault {
    /// Not an http or https URL of a plain host.
    Host,
    /// A control character or a space: raw, or decoded where the decoded form matters.
    ControlCharacter,
    /// A backslash that is not percent-encoded.
    Backslash,
    /// A segment that is `.` or `..` in some decoding.
    DotSegment,
    /// Percent-encoded more often than is decoded here.
    EncodedRepeatedly,
    /// It may be read in more ways than are compared.
    TooManyReadings,
    /// Some server reads it as a path under Wayleave's own prefix, but it is spelled differently.
    Reserved,
    /// Decoding `%2F` or `%5C` leads to another route.
    EncodedSeparator,
    /// The eager reading belongs to another route, for another reason.
    TwoRoutes,
}
