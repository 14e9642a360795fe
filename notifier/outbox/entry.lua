-- What every alert needs that comes into an outbox. The keys and the fields are those of outbox.lua.
-- Functions: outbox_size, task_is_coming, add_event, next_sequence, note_expiry.

-- How many notifications an outbox holds, and how many of them wait.
local function outbox_size(waiting, delayed, in_flight)
  local wait = redis.call('ZCARD', waiting)
  return wait + redis.call('ZCARD', delayed) + redis.call('ZCARD', in_flight), wait
end

-- Whether a delivery task that is due then will come, or has no more than just not come: one that is late may be lost,
-- and none is due later than that, unless Redis' clock has stepped back.
local TASK_LATE = 1000000
local TASK_AHEAD = 60000000
local function task_is_coming(due_at, now)
  return due_at and due_at >= now - TASK_LATE and due_at <= now + TASK_AHEAD
end

-- One more event of a notification; if there are too many, those in the middle are dropped.
local EVENTS_MAX, EVENTS_KEPT = 40, 10
local function add_event(notification, event)
  local events = cjson.decode(redis.call('HGET', notification, 'trail') or '[]')
  if #events >= EVENTS_MAX then table.remove(events, EVENTS_KEPT) end
  table.insert(events, event)
  redis.call('HSET', notification, 'trail', cjson.encode(events))
end

-- The next place in the order of admission. If the counter is gone, it goes on above what it can have been: from the
-- microseconds since 1970.
local function next_sequence(counter, now)
  local sequence = redis.call('INCR', counter)
  if sequence > 1 then return sequence end
  redis.call('SET', counter, string.format('%.0f', now), 'PX', LIFE_MS)
  return now
end

-- Remember the expiry that one notification has of its own: the rest expire in the order of their admission.
local function note_expiry(state, expires_at)
  local earliest = tonumber(redis.call('HGET', state, 'next_expiry'))
  if not earliest or expires_at < earliest then redis.call('HSET', state, 'next_expiry', expires_at) end
end
