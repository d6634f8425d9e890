// Leaves routes of one protocol and metric out of what a dump brings, before JavaScript sees them: a million learnt
// routes are 60 MB, and a fifth of a second of its thread.
#pragma once

#include "bytes.h"

namespace twill {

struct RouteMark {
  uint8_t protocol = 0; // rtm_protocol
  uint32_t metric = 0;  // RTA_PRIORITY; 0: no route is meant
};

class RouteSieve {
public:
  explicit RouteSieve(RouteMark without = {}) : without_(without) {}

  // Whole messages, from `from` on. That a dump was interrupted (NLM_F_DUMP_INTR) the kernel says once: what
  // is left out hands it on to the next message that stays, the dump's end at the latest.
  void sift(Bytes *bytes, size_t from);

private:
  RouteMark without_;
  bool interrupted_ = false;
};

} // namespace twill
