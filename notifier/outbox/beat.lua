-- The heartbeat of a process that delivers: it is alive, and these are the webhooks that it holds for the types whose
-- queues it consumes.
-- KEYS: 1 worker, 2 run, 3 workers, 4-15 for each alert type, in turn: fleet, first_seen (fleet.lua)
-- ARGV: 1 (JSON): pid, life (milliseconds), worker (its name), version, names (fleet.lua),
--         held: for each alert type what it holds (JSON, as in fleet.lua), '' if it does not consume the queue
-- Returns the id of the server's run, '' if it is the first that has these data: if it is another than before, the
-- last steps of this process may be forgotten.
local WORKER, RUN, WORKERS = unpack(KEYS, 1, 3)
local args = cjson.decode(ARGV[1])
local now = now_us()
redis.call('SET', WORKER, args.pid, 'PX', args.life)
redate_set(WORKERS, now, now) -- the clock may have stepped back
redis.call('ZADD', WORKERS, now, args.worker .. ' ' .. args.version)
redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', now - 86400 * SECOND)
redis.call('PEXPIRE', WORKERS, LIFE_MS)
-- what a worker does from now on may be forgotten, its first claim too
redis.call('HSETNX', RUN, 'claimed', 1)
redis.call('PEXPIRE', RUN, LIFE_MS)
for position, held in ipairs(args.held) do
  local fleet, first_seen = KEYS[2 + 2 * position], KEYS[3 + 2 * position]
  fleet_announce(fleet, first_seen, args.names, args.worker, held, now)
  redis.call('PEXPIRE', fleet, args.life)
end
return redis.call('HGET', RUN, 'id') or ''
