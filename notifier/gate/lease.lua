-- Lease: a request under way for whose answer others wait. It ends with the answer, at its time, or soon after its
-- worker has died.
--
-- key: hash; fields, behind the name of the lease (workers of an earlier version know `_until` alone):
--   _until      when the request counts as lost
--   _holder     that time again, and the name of its worker; another time: a worker of an earlier version holds it now
--   _missed_at  since when the heartbeat of that worker is gone
-- workers: { prefix of the heartbeats' keys, witness: how long one is gone before its worker counts as dead (a restart
--   of Redis loses all heartbeats) }
-- now, length, witness: microseconds
--
-- lease_begin(key, name, now, length, worker)
-- lease_left(key, name, now, length, workers)  returns microseconds until the request counts as lost; 0: there is none
-- lease_end(key, name)
-- worker_left(key, field, held, now, workers)
--   held: { left (microseconds), worker (its name, or nil), missed_at }; field: where missed_at is stored. Returns
--   microseconds until what that worker holds counts as lost, and whether the worker is alive

local function worker_left(key, field, held, now, workers)
  if not held.worker or redis.call('EXISTS', workers.prefix .. held.worker) == 1 then
    redis.call('HDEL', key, field)
    return held.left, true
  end
  local missed_at = tonumber(held.missed_at) or math.huge
  if missed_at > now then
    missed_at = now
    redis.call('HSET', key, field, now)
  end
  return math.min(held.left, math.max(0, missed_at + workers.witness - now)), false
end

local function lease_begin(key, name, now, length, worker)
  local ends = now + length
  redis.call('HSET', key, name .. '_until', ends, name .. '_holder', string.format('%.0f %s', ends, worker))
  redis.call('HDEL', key, name .. '_missed_at')
end

local function lease_left(key, name, now, length, workers)
  local ends, holder, missed_at =
    unpack(redis.call('HMGET', key, name .. '_until', name .. '_holder', name .. '_missed_at'))
  ends = tonumber(ends) or 0
  if ends <= now then return 0 end
  local worker = string.match(holder or '', string.format('^%.0f (.+)$', ends))
  if ends - now > length then -- the clock has stepped back
    lease_begin(key, name, now, length, worker or '')
    ends = now + length
  end
  local held = { left = ends - now, worker = worker, missed_at = missed_at }
  return (worker_left(key, name .. '_missed_at', held, now, workers))
end

local function lease_end(key, name)
  redis.call('HDEL', key, name .. '_until', name .. '_holder', name .. '_missed_at')
end
