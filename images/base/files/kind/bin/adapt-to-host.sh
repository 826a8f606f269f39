#!/bin/bash
# Adapts containerd's configuration to what this host grants its containers. Runs before each start of containerd.
set -o errexit -o nounset -o pipefail

# Without CAP_SYS_RESOURCE (bit 24, capabilities(7)) nobody may lower an oom_score_adj, and no pod sandbox would start.
bounding=$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)
if (( (0x${bounding} >> 24 & 1) == 0 )); then
  sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' /etc/containerd/config.toml
fi
