/** Generous: a deadline that passes in the middle leaves the container paused. Seconds; large memory takes minutes. */
export const DEFAULT_TIMEOUT_SECONDS = 600;
/** The kubelet waits this long at least, seconds: a smaller timeout does not shorten it. */
export const KUBELET_LEAST_SECONDS = 120;
/** How much longer than the kubelet the client waits for the answer, seconds. */
export const GRACE_SECONDS = 60;
