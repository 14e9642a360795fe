-- Keep what Get Webhook told: the channel, whose window all its webhooks share. Its answer teaches the gate too.
-- KEYS: 1-5 the gate (gate.lua: state, in_flight, sent, edge, edge_sent), 6 troubles (trouble.lua)
-- ARGV: 1 the gate's limits (JSON), 2 channel prefix,
--       3 (JSON): token (of the request), channel, guild, name ('' if unknown), fetch_again_after (microseconds),
--         feedback (as gate_report_fetch takes it), counters
--         (names of counters.lua), counted (how often by field)
-- Returns nothing.
local gate = gate_of(1, KEYS, cjson.decode(ARGV[1]), ARGV[2])
local info = cjson.decode(ARGV[3])
local now = now_us()
if redis.call('HGET', gate.state, 'fetched_by') == info.token then return end -- it is known already
lease_end(gate.state, 'introducing') -- first: a Redis that is full lets a step go on that removes something
if info.channel ~= '' then
  redis.call('HSET', gate.state, 'channel', info.channel, 'guild', info.guild, 'name', info.name, 'introduced_at', now)
end
redis.call('HSET', gate.state, 'introduce_at', now + info.fetch_again_after, 'fetched_for', gate.args.fingerprint,
  'fetched_by', info.token)
count_up(info.counters, now, info.counted)
redis.call('PEXPIRE', gate.state, LIFE_MS)
for _, cause in ipairs(gate_report_fetch(gate, now, info.token, info.feedback)) do
  report_trouble(KEYS[6], cause, cause == 'edge_banned' and '' or gate.args.webhook_id)
end
