-- One beat: this worker is alive, and these are the webhooks that it holds for the types whose queues it consumes.
-- KEYS: 1 its heartbeat, 2-13 for each alert type, in turn: fleet, first_seen (fleet.lua)
-- ARGV: 1 (JSON): pid, life (milliseconds), worker (its name), names (fleet.lua),
--         held: for each alert type what it holds (JSON, as in fleet.lua), '' if it does not consume the queue
-- Returns nothing.
local args = cjson.decode(ARGV[1])
local now = now_us()
redis.call('SET', KEYS[1], args.pid, 'PX', args.life)
for position, held in ipairs(args.held) do
  local fleet, first_seen = KEYS[2 * position], KEYS[2 * position + 1]
  fleet_announce(fleet, first_seen, args.names, args.worker, held, now)
  redis.call('PEXPIRE', fleet, args.life)
end
