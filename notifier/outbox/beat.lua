-- The heartbeat of a process that delivers: it is alive, and these are the webhooks that it holds for the types whose
-- queues it consumes.
-- KEYS: 1 worker, 2 run, 3 workers, then for each of `held`, in turn: fleet, first_seen (fleet.lua), then for each of
--       `counts`: partitions (partition.lua)
-- ARGV: 1 (JSON): pid, life (milliseconds), worker (its name), version, names (fleet.lua),
--         run (the last one for which it has done its last steps again, ''; a worker of version 0.2 says none),
--         held: for each alert type, then for each further webhook of one, what it holds (JSON, as in fleet.lua), ''
--         if it does not consume the queue; counts: of each type that has, or had, several webhooks, how many it holds
-- Returns the id of the server's run, '' if it is the first that has these data: if it is another than before, the
-- last steps of this process may be forgotten.
local WORKER, RUN, WORKERS = unpack(KEYS, 1, 3)
local FEWER_AFTER = 10 * MINUTE
local args = cjson.decode(ARGV[1])
local now = now_us()
redis.call('SET', WORKER, args.pid, 'PX', args.life)
-- The clock has stepped back: those that beat before have the time to beat again, and no more of it than ever.
for _, each in ipairs(redis.call('ZRANGEBYSCORE', WORKERS, string.format('(%.0f', now), '+inf')) do
  redis.call('ZADD', WORKERS, now, each)
  redis.call('PEXPIRE', args.names.worker_prefix .. string.match(each, '^%S*'), args.life)
end
local run, since = unpack(redis.call('HMGET', RUN, 'id', 'since'))
local member = args.worker .. ' ' .. args.version

-- It lived before this run of the server, and what it did last may still be forgotten: for the claims it is not back.
local function is_behind()
  if not (run and since and args.run) or args.run == run then return false end
  return tonumber(redis.call('ZSCORE', WORKERS, member) or since) < tonumber(since)
end

if not is_behind() then redis.call('ZADD', WORKERS, now, member) end
redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', now - 86400 * SECOND)
redis.call('PEXPIRE', WORKERS, LIFE_MS)
-- what a worker does from now on may be forgotten, its first claim too
redis.call('HSETNX', RUN, 'claimed', 1)
redis.call('PEXPIRE', RUN, LIFE_MS)
for position, held in ipairs(args.held) do
  local fleet, first_seen = KEYS[2 + 2 * position], KEYS[3 + 2 * position]
  fleet_announce(fleet, first_seen, args.names, args.worker, held)
  redis.call('PEXPIRE', fleet, args.life)
end

-- A worker of version 0.1 or 0.2 would put an alert of another partition into the first, too.
local function older_lives()
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', WORKERS, now - args.life * 1000, '+inf')) do
    if string.find(worker, ' 0%.[12]%.') then return true end
  end
  return false
end

-- There are as many as the worker with the most webhooks has. Fewer, once none was heard of for a while that has them.
for position, count in ipairs(args.counts) do
  local partitions = KEYS[3 + 2 * #args.held + position]
  local known, most, seen_at = unpack(redis.call('HMGET', partitions, 'count', 'most', 'seen_at'))
  known, most, seen_at = tonumber(known) or 1, tonumber(most) or 1, tonumber(seen_at) or 0
  local age = math.abs(now - seen_at)
  local is_news = count > known and not older_lives() or count == known and age > MINUTE
  if is_news or count < known and age > FEWER_AFTER then
    redis.call('HSET', partitions, 'count', count, 'most', math.max(count, most), 'seen_at', now)
    redis.call('PEXPIRE', partitions, LIFE_MS)
  end
end
return run or ''
