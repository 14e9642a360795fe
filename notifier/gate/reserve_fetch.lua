-- Reserve a Get Webhook request that is not for an alert, if one may go now.
-- KEYS: 1-5 the gate (gate.lua: state, in_flight, sent, edge, edge_sent)
-- ARGV: 1 the gate's limits (JSON), 2 channel prefix, 3 token of the request
-- Returns now, the microseconds to wait (0: it is reserved), and the reason ('').
local gate = gate_of(1, KEYS, cjson.decode(ARGV[1]), ARGV[2])
local now = now_us()
local wait, reason = gate_check_fetch(gate, now)
if wait == 0 then gate_reserve_fetch(gate, now, ARGV[3]) end
return { now, wait, reason or '' }
