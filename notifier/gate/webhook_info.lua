-- What GET webhook told: whose channel this is. Counts as a request of the webhook, in case it shares the bucket.
-- KEYS: 1-5 those of the gate (state, in_flight, sent, edge, edge_sent), 6 watch
-- ARGV: 1 the gate's limits (JSON), 2 channel prefix,
--       3 report (JSON): token, channel, guild, name ('' where unknown), again_after (microseconds), and gate_report's fields
-- Returns nothing.
local gate = gate_of(1, KEYS, cjson.decode(ARGV[1]), ARGV[2])
local report = cjson.decode(ARGV[3])
local now = now_us()
if report.channel ~= '' then
  redis.call('HSET', gate.state, 'channel', report.channel, 'guild', report.guild, 'name', report.name,
    'introduced_at', now)
end
redis.call('HSET', gate.state, 'introduce_at', now + report.again_after)
redis.call('HDEL', gate.state, 'introducing_until')
for _, news in ipairs(gate_report(gate, now, report.token, report)) do
  tell(KEYS[6], news, news == 'edge_banned' and '' or gate.args.webhook_id)
end
