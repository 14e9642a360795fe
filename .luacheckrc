-- luacheck for scripts that run inside Redis (Lua 5.1, its sandbox: no io, no os, no require).
-- Python joins the files: shared functions first, in this order, then the one step that uses them. So a file may read what
-- the shared files before it define, and a shared file defines what it does not use itself. Nothing else is excused.
local SHARED = {
  "gate/small_set.lua", "gate/cache.lua", "gate/clock.lua", "gate/trouble.lua", "gate/counters.lua", "gate/lease.lua", "gate/window.lua", "gate/bucket.lua", "gate/breaker.lua",
  "gate/pause.lua", "gate/quarantine.lua", "gate/gate.lua", "gate/answer.lua", "outbox/known.lua", "outbox/entry.lua",
  "outbox/record.lua", "outbox/outbox.lua", "outbox/claimed.lua", "outbox/late.lua", "outbox/listeners.lua", "outbox/outage.lua", "outbox/pinged.lua", "outbox/reminders.lua", "outbox/incident.lua",
  "outbox/counted.lua", "outbox/silences.lua",
  "outbox/memory.lua", "outbox/fleet.lua", "outbox/expiry.lua", "outbox/progress.lua", "outbox/front.lua", "outbox/newer.lua", "outbox/quiet.lua",
  "outbox/collected.lua", "outbox/unannounced.lua", "outbox/partition.lua",
}

stds.redis_script = {
  read_globals = {
    "KEYS", "ARGV", "cjson", "error", "ipairs", "math", "next", "pairs", "pcall", "redis", "select", "string", "table",
    "tonumber", "tostring", "type", "unpack",
  },
}
std = "redis_script"
max_line_length = 120

local function defined_in(path)
  local names = {}
  for line in io.lines(path) do
    table.insert(names, line:match("^local function ([%w_]+)") or line:match("^local ([%u_]+) ="))
  end
  return names
end

read_globals = {}
for position, name in ipairs(SHARED) do
  local defined, unused = defined_in("notifier/" .. name), {}
  for _, each in ipairs(defined) do
    table.insert(read_globals, each)
    table.insert(unused, "211/" .. each) -- 211 is an unused local
  end
  files["notifier/" .. name] = { ignore = unused, not_globals = {} }
  for earlier = 1, position do -- what is defined here is not to be had in the files before
    for _, each in ipairs(defined) do
      table.insert(files["notifier/" .. SHARED[earlier]].not_globals, each)
    end
  end
end
