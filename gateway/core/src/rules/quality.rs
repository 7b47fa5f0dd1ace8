//! A channel is bad, missing or stale.

use crate::equipment::Values;
use crate::pack::Truth;
use crate::sample::ChannelIx;

/// True while one of the channels has no usable reading, or the equipment has not been heard for a
/// channel's stale time (`stale`). A reading holds while its equipment is heard (report by exception).
pub(crate) fn quality_truth(
    channels: &[ChannelIx],
    values: Values<'_>,
    stale: impl Fn(ChannelIx) -> bool,
) -> (Truth, Option<ChannelIx>) {
    let known = |channel: &ChannelIx| values.series.get(*channel).is_some();
    if !channels.iter().any(known) {
        return (Truth::Unknown, None);
    }
    let lost = channels
        .iter()
        .find(|channel| known(channel) && (values.is_bad(**channel) || stale(**channel)));
    (Truth::from(lost.is_some()), lost.copied())
}
