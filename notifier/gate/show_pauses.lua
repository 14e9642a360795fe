-- What holds a webhook back because an answer said so.
-- KEYS: 1-5 the gate (gate.lua: state, in_flight, sent, edge, edge_sent)
-- ARGV: 1 the gate's limits (JSON), 2 channel prefix
-- Returns now, then of each pause: scope, reason, microseconds that are left, and until the next probe (-1: none)
local gate = gate_of(1, KEYS, cjson.decode(ARGV[1]), ARGV[2])
local now = now_us()
local shown = { now }
for _, pause in ipairs(gate_pauses(gate, now)) do
  local probe_in = pause_probe_in(pause.key, now)
  local is_pause = pause.scope ~= 'webhook' or probe_in or bucket_paused(gate.state) -- else the budget is used up
  if pause.left > 0 and is_pause then
    for _, value in ipairs({ pause.scope, pause.reason, pause.left, probe_in or -1 }) do table.insert(shown, value) end
  end
end
return shown
