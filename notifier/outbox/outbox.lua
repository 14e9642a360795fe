-- Functions that the steps of an outbox share. They take keys as arguments; an outbox has five (storage/keys.py):
--   waiting (zset: ids by sequence), delayed (zset: ids by due time), in_flight (zset: ids by sequence),
--   state (hash: batch, lease_until, worker, missed_at, claimed (claimed.lua),
--     settled_at, settled (the last commit, and its token), held (the wait log),
--     next_expiry (no expiry that a notification here has of its own is earlier), clock_at (when a step looked last),
--     dated_at (when an alert came last that waits until a date, or for which somebody is to look),
--     stepped_at (when the clock was seen to have stepped back last),
--     look_at (when a delivery task that is under way will look for what waits: admit.lua asks for no other; '': none
--     is),
--     run (of the server, since which what waits was looked at)),
--   wake_up (string: token, due time)
-- A notification is a hash: message, share (its batch key), characters, sequence, attempts, admitted_at, spooled,
--   not_before, expires_at, callbacks (JSON, until they are called), revoke (too_late: it was under way), unknown,
--   rerouted (1: moved to the fallback), failing_since (its first failure), lost_alone (workers lost with it
--   alone), seen_at (the last commit), trail (its events), finished_at, status,
--   carried (in place of trail and what it had while it waited, once it is delivered: record.lua),
--   version (of what `message` holds; none: 1), left_at (a worker that cannot read it has left it to others),
--   hastens (1: one that counts it was due later), trace (JSON: the context of the call that raised it),
--   original (the message of a dead letter that could not be read),
--   received (1: a worker has told Flower that it came)
-- Times are microseconds. The names of fields are those of version 0.1: workers of both read them while a fleet is
-- upgraded.
-- Any of these may be gone, whole or in part: a Redis that is full may drop keys, and somebody may have deleted some.
-- Functions: await_callbacks, begins_minute, arm, note_look, wait_log, log_wait, waits_since, place_of, lease_wait,
--   end_lease, due_in, expiry_wait, batching_wait, leave_to_newer, reconciling_wait, is_one_missed,
--   note_what_may_be_posted, follow_clock.

local WAKE_UP_MAX = 60000000 -- a worker holds a countdown in memory, so none is long; the next continues the wait

-- What hangs on a notification is to be called once it has ended: by its worker within the lease, else by a sweep.
-- `callbacks` is a sorted set: ids by the time from which a sweep may call them. Returns the callbacks (JSON; '').
local function await_callbacks(callbacks, notification, id, now, lease, life)
  local text = redis.call('HGET', notification, 'callbacks')
  if not text then return '' end
  redis.call('ZADD', callbacks, now + lease, id)
  redis.call('EXPIRE', callbacks, life)
  return text
end

-- Whether that was noted in another minute than this: lives of days need not be renewed more often.
local function begins_minute(state, field, now)
  local noted_at = tonumber(redis.call('HGET', state, field)) or 0
  return math.floor(noted_at / MINUTE) ~= math.floor(now / MINUTE)
end

-- Make sure that one wake-up is under way by then. Returns the microseconds until it is due if the caller has to
-- send it, else -1. The key outlives the wait a little; if the message is lost, the sweep sends another.
local function arm(wake_up, now, wait, token)
  local EARLIER = 100000 -- one that is due this much earlier replaces the one under way
  local GRACE = 5000000
  wait = math.min(math.max(wait, 0), WAKE_UP_MAX)
  local due = now + wait
  local under_way = redis.call('GET', wake_up)
  if under_way and tonumber(string.match(under_way, ' (.*)')) <= due + EARLIER then return -1 end
  redis.call('SET', wake_up, string.format('%s %.0f', token, due), 'PX', math.ceil((wait + GRACE) / 1000))
  return wait
end

-- A delivery task is under way that will look for what waits here after so many microseconds.
local function note_look(state, now, wait)
  redis.call('HSET', state, 'look_at', now + math.min(math.max(wait, 0), WAKE_UP_MAX))
end

-- What the outbox waits for, as a list of { since, reason } ('' is nothing), so that each alert can say its delays.
local WAIT_LOG_BYTES = 600 -- about twenty entries
local function wait_log(state)
  return cjson.decode(redis.call('HGET', state, 'held') or '[]')
end

local function log_wait(state, now, reason, life)
  local log = redis.call('HGET', state, 'held') or '' -- as text: it is written in each step
  local told = string.format(',"%s"]]', reason)
  if string.sub(log, -#told) == told then return end
  if #log > WAIT_LOG_BYTES then log = '[' .. string.sub(log, string.find(log, '[', 3, true), -1) end
  local before = #log > 2 and string.sub(log, 1, -2) .. ',' or '['
  redis.call('HSET', state, 'held', string.format('%s[%.0f%s', before, now, told))
  redis.call('EXPIRE', state, life)
end

-- Microseconds by reason, for one that waits since then.
local function waits_since(log, now, since)
  local waited = {}
  for position, entry in ipairs(log) do
    local from, to = math.max(entry[1], since), math.min(log[position + 1] and log[position + 1][1] or now, now)
    if entry[2] ~= '' and to > from then waited[entry[2]] = (waited[entry[2]] or 0) + to - from end
  end
  return waited
end

-- The place of one notification; if its hash does not say it, the one that it has in a set.
local function place_of(notification, id, waiting, in_flight)
  return redis.call('HGET', notification, 'sequence') or redis.call('ZSCORE', waiting, id)
    or redis.call('ZSCORE', in_flight, id) or 0
end

-- Microseconds until the batch under way counts as abandoned (0: it does), and whether its worker is alive.
local function lease_wait(state, now, worker_prefix, witness)
  local lease_until, worker, missed_at = unpack(redis.call('HMGET', state, 'lease_until', 'worker', 'missed_at'))
  local left = math.max(0, (tonumber(lease_until) or now) - now)
  local held = { left = left, worker = worker, missed_at = missed_at }
  return worker_left(state, 'missed_at', held, now, { prefix = worker_prefix, witness = witness })
end

local function end_lease(state)
  redis.call('HDEL', state, 'batch', 'lease_until', 'worker', 'missed_at', 'claimed')
end

-- Microseconds until something here is worth a delivery task, and how many are due; nil if nothing waits.
local function due_in(waiting, delayed, now)
  local count = redis.call('ZCARD', waiting)
  if count > 0 then return 0, count end
  local first = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  if first[2] then return math.max(0, tonumber(first[2]) - now), 0 end
end

-- Microseconds until claim.lua has to look for what has expired (0: it has to), or nil.
local function expiry_wait(state, now)
  local earliest = tonumber(redis.call('HGET', state, 'next_expiry'))
  return earliest and math.max(0, earliest - now)
end

-- Under load a small batch waits a moment for others to join it: requests are what Discord counts. So it does that long
-- after the last commit, and after `began` if that is given: when the first of several came.
local BATCHING = 50000
local function batching_wait(state, now, full, began)
  if full then return 0 end
  local since = math.max(tonumber(redis.call('HGET', state, 'settled_at') or 0), tonumber(began) or 0)
  return math.max(0, since + BATCHING - now)
end

-- Leave a notification to a worker of a later version: it keeps its place. Reported once. Returns whether it is new.
local function leave_to_newer(troubles, notification, type, now)
  if redis.call('HSETNX', notification, 'left_at', now) == 0 then return false end
  report_trouble(troubles, 'newer', type)
  return true
end

-- Microseconds until workers have had the time to commit again what the server's last run may have forgotten.
-- `run` is a hash: claimed (1: a worker has lived), and of every run but the first id, since (when it was noticed),
-- before (what was admitted earlier may be of the runs before: since, or later if the clock has stepped back),
-- last_beat (the last one that is remembered of those before).
local function reconciling_wait(run, now, patience)
  local since = tonumber(redis.call('HGET', run, 'since') or 0)
  return since <= now and math.max(0, since + patience - now) or 0
end

-- Whether a worker lived before this run and has not been heard of since: it may have posted what was there then, and
-- nobody can commit that again. `workers`: a sorted set, workers by their last beat; the others: fields of `run`.
local function is_one_missed(workers, since, last_beat, patience)
  return #redis.call('ZRANGEBYSCORE', workers, last_beat - patience, '(' .. since) > 0
end

-- Once after the server has forgotten its last second: those that wait, and that such a worker may have posted, say so.
-- `outbox`: its keys, in order.
local function note_what_may_be_posted(outbox, run, workers, notification_prefix, patience, now)
  local waiting, delayed, _, state = unpack(outbox, 1, 4)
  local id, since, before, last_beat = unpack(redis.call('HMGET', run, 'id', 'since', 'before', 'last_beat'))
  local noted, stepped_at = unpack(redis.call('HMGET', state, 'run', 'stepped_at'))
  if not id or noted == id then return end
  redis.call('HSET', state, 'run', id)
  before = math.max(tonumber(before or since), (tonumber(stepped_at) or 0) + 1)
  if not is_one_missed(workers, since, last_beat, patience) then return end
  for _, set in ipairs({ waiting, delayed }) do
    for _, each in ipairs(redis.call('ZRANGE', set, 0, -1)) do
      local key = notification_prefix .. each
      local admitted_at, spooled = unpack(redis.call('HMGET', key, 'admitted_at', 'spooled'))
      local at = admitted_at and admitted_at + (spooled or 0) -- nil: its text is gone, which claim.lua finds out
      if at and (at < before or at > now) then -- what is dated ahead came before the clock stepped back
        redis.call('HSETNX', key, 'unknown', 'worker_lost')
      end
    end
  end
end

-- What happened to a notification in the future, the last of it happened now; what counts from a date moves with it.
-- Returns by how much its due time does.
local DATES = { 'admitted_at', 'joined_at', 'seen_at', 'not_before', 'expires_at' }
local function redate(notification, now)
  local dates = redis.call('HMGET', notification, unpack(DATES))
  local admitted_at, joined_at, seen_at = unpack(dates, 1, 3)
  local here_since = (tonumber(admitted_at) or 0) + (redis.call('HGET', notification, 'spooled') or 0)
  local ahead = math.max(here_since, tonumber(joined_at) or 0, tonumber(seen_at) or 0) - now
  if ahead <= 0 then return 0 end
  for position, field in ipairs(DATES) do
    local at = tonumber(dates[position])
    if at and (at > now or field == 'admitted_at') then redis.call('HSET', notification, field, at - ahead) end
  end
  return seen_at and tonumber(seen_at) <= now and 0 or ahead -- it has been seen since the step
end

local function redate_state(state, now, lease)
  local latest_of = { dated_at = now, settled_at = now, missed_at = now, look_at = now, lease_until = now + lease }
  for field, latest in pairs(latest_of) do
    local at = tonumber(redis.call('HGET', state, field))
    if at and at > latest then redis.call('HSET', state, field, latest) end
  end
  local log = wait_log(state)
  for _, entry in ipairs(log) do entry[1] = math.min(entry[1], now) end
  redis.call('HSET', state, 'held', cjson.encode(log))
  -- the earliest expiry is not known any more: claim.lua looks for it
  if redis.call('HEXISTS', state, 'next_expiry') == 1 then redis.call('HSET', state, 'next_expiry', now) end
end

-- Redis' clock may step back. What is dated in the future then counts as now: from the step on no wait is longer than
-- it was to be in all. `outbox`: its five keys, in order.
local function follow_clock(outbox, notification_prefix, worker_prefix, now, lease, life)
  local waiting, delayed, in_flight, state, wake_up = unpack(outbox, 1, 5)
  local latest = 0 -- of what is dated here; nobody need have looked since
  for _, at in ipairs(redis.call('HMGET', state, 'clock_at', 'dated_at', 'settled_at')) do
    latest = math.max(latest, tonumber(at) or 0)
  end
  redis.call('HDEL', state, 'clock_at') -- a Redis that is full lets a step go on that frees something first
  redis.call('HSET', state, 'clock_at', now)
  redis.call('EXPIRE', state, life)
  if latest <= now then return end
  for _, set in ipairs({ waiting, delayed, in_flight }) do
    local flat = redis.call('ZRANGE', set, 0, -1, 'WITHSCORES')
    for at = 1, #flat, 2 do
      local ahead = redate(notification_prefix .. flat[at], now)
      if set == delayed then redis.call('ZADD', delayed, flat[at + 1] - ahead, flat[at]) end
    end
  end
  redate_state(state, now, lease)
  redis.call('HSET', state, 'stepped_at', now) -- what waits is dated so at the latest
  redis.call('DEL', wake_up)
  -- the heartbeat of a worker that is dead lives longer by the step; one that lives writes it again at once
  local worker = redis.call('HGET', state, 'worker')
  if worker then redis.call('DEL', worker_prefix .. worker) end
end
