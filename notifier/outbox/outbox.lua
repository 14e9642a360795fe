-- Functions that the steps of an outbox share. They take keys as arguments; an outbox has five (storage/keys.py):
--   waiting (zset: ids by sequence), delayed (zset: ids by due time), in_flight (zset: ids by sequence),
--   state (hash: batch, lease_until, worker, missed_at, settled_at (the last commit), held (the wait log),
--     next_expiry (no expiry that a notification here has of its own is earlier),
--     run (of the server, since which what waits was looked at)),
--   wake_up (string: token, due time)
-- A notification is a hash: message, share (its batch key), characters, sequence, attempts, admitted_at, spooled,
--   not_before, expires_at, callbacks (JSON, until they are called), revoke (too_late: it was under way), unknown,
--   rerouted (1: moved to the fallback), seen_at (the last commit), trail (its events), finished_at, status,
--   version (of what `message` holds; none: 1), left_at (a worker that cannot read it has left it to others),
--   original (the message of a dead letter that could not be read)
-- Times are microseconds. The names of fields are those of version 0.1: workers of both read them while a fleet is
-- upgraded.
-- Functions: outbox_size, await_callbacks, arm, wait_log, log_wait, waits_since, add_event, lease_wait, end_lease,
--   due_in, note_expiry, expiry_wait, batching_wait, leave_to_newer, reconciling_wait.

local WAKE_UP_MAX = 60000000 -- a worker holds a countdown in memory, so none is long; the next continues the wait
local WAKE_UP_GRACE = 5000000
local EARLIER = 100000 -- one that is due this much earlier replaces the one under way

-- How many notifications an outbox holds.
local function outbox_size(waiting, delayed, in_flight)
  return redis.call('ZCARD', waiting) + redis.call('ZCARD', delayed) + redis.call('ZCARD', in_flight)
end

-- What hangs on a notification is to be called once it has ended: by its worker within the lease, else by a sweep.
-- `callbacks` is a sorted set: ids by the time from which a sweep may call them. Returns the callbacks (JSON; '').
local function await_callbacks(callbacks, notification, id, now, lease, life)
  local text = redis.call('HGET', notification, 'callbacks')
  if not text then return '' end
  redis.call('ZADD', callbacks, now + lease, id)
  redis.call('EXPIRE', callbacks, life)
  return text
end

-- Make sure that one wake-up is under way by then. Returns the microseconds until it is due if the caller has to
-- send it, else -1. The key outlives the wait a little; if the message is lost, the sweep sends another.
local function arm(wake_up, now, wait, token)
  wait = math.min(math.max(wait, 0), WAKE_UP_MAX)
  local due = now + wait
  local under_way = redis.call('GET', wake_up)
  if under_way and tonumber(string.match(under_way, ' (.*)')) <= due + EARLIER then return -1 end
  redis.call('SET', wake_up, string.format('%s %.0f', token, due), 'PX', math.ceil((wait + WAKE_UP_GRACE) / 1000))
  return wait
end

-- What the outbox waits for, as a list of { since, reason } ('' is nothing), so that each alert can say its delays.
local WAIT_LOG_MAX = 20
local function wait_log(state)
  return cjson.decode(redis.call('HGET', state, 'held') or '[]')
end

local function log_wait(state, now, reason, life)
  local log = wait_log(state)
  if #log > 0 and log[#log][2] == reason then return end
  table.insert(log, { now, reason })
  if #log > WAIT_LOG_MAX then table.remove(log, 1) end
  redis.call('HSET', state, 'held', cjson.encode(log))
  redis.call('EXPIRE', state, life)
end

-- Microseconds by reason, for one that waits since then.
local function waits_since(log, now, since)
  local waited = {}
  for position, entry in ipairs(log) do
    local from, to = math.max(entry[1], since), log[position + 1] and log[position + 1][1] or now
    if entry[2] ~= '' and to > from then waited[entry[2]] = (waited[entry[2]] or 0) + to - from end
  end
  return waited
end

-- One more event of a notification; if there are too many, those in the middle are dropped.
local EVENTS_MAX, EVENTS_KEPT = 40, 10
local function add_event(notification, event)
  local events = cjson.decode(redis.call('HGET', notification, 'trail') or '[]')
  if #events >= EVENTS_MAX then table.remove(events, EVENTS_KEPT) end
  table.insert(events, event)
  redis.call('HSET', notification, 'trail', cjson.encode(events))
end

-- Microseconds until the batch under way counts as abandoned (0: it does), and whether its worker is alive. A worker
-- whose heartbeat is gone counts as dead only after a while: a restart of Redis loses all heartbeats.
local function lease_wait(state, now, worker_prefix, witness)
  local lease_until, worker, missed_at = unpack(redis.call('HMGET', state, 'lease_until', 'worker', 'missed_at'))
  local left = math.max(0, tonumber(lease_until) - now)
  if not worker or redis.call('EXISTS', worker_prefix .. worker) == 1 then
    redis.call('HDEL', state, 'missed_at')
    return left, true
  end
  if not missed_at then
    missed_at = now
    redis.call('HSET', state, 'missed_at', now)
  end
  return math.min(left, math.max(0, tonumber(missed_at) + witness - now)), false
end

local function end_lease(state)
  redis.call('HDEL', state, 'batch', 'lease_until', 'worker', 'missed_at')
end

-- Microseconds until something here is worth a delivery task, or nil if nothing waits.
local function due_in(waiting, delayed, now)
  if redis.call('ZCARD', waiting) > 0 then return 0 end
  local first = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  if first[2] then return math.max(0, tonumber(first[2]) - now) end
end

-- Remember the expiry that one notification has of its own: the rest expire in the order of their admission.
local function note_expiry(state, expires_at)
  local earliest = tonumber(redis.call('HGET', state, 'next_expiry'))
  if not earliest or expires_at < earliest then redis.call('HSET', state, 'next_expiry', expires_at) end
end

-- Microseconds until claim.lua has to look for what has expired (0: it has to), or nil.
local function expiry_wait(state, now)
  local earliest = tonumber(redis.call('HGET', state, 'next_expiry'))
  return earliest and math.max(0, earliest - now)
end

-- Under load a small batch waits a moment for others to join it: requests are what Discord counts.
local BATCHING = 50000
local function batching_wait(state, now, full)
  if full then return 0 end
  return math.max(0, tonumber(redis.call('HGET', state, 'settled_at') or 0) + BATCHING - now)
end

-- Leave a notification to a worker of a later version: it keeps its place. Reported once. Returns whether it is new.
local function leave_to_newer(troubles, notification, type, now)
  if redis.call('HSETNX', notification, 'left_at', now) == 0 then return false end
  report_trouble(troubles, 'newer', type)
  return true
end

-- Microseconds until workers have had the time to commit again what the server's last run may have forgotten.
-- `run` is a hash: claimed (1: a batch was leased), and of every run but the first id, since (when it was noticed),
-- last_beat (the last one that is remembered of those before).
local function reconciling_wait(run, now, patience)
  local since = tonumber(redis.call('HGET', run, 'since') or 0)
  return since <= now and math.max(0, since + patience - now) or 0
end
