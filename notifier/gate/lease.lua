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

local function lease_begin(key, name, now, length, worker)
  local ends = now + length
  redis.call('HSET', key, name .. '_until', ends, name .. '_holder', string.format('%.0f %s', ends, worker))
  redis.call('HDEL', key, name .. '_missed_at')
end

local function lease_left(key, name, now, length, workers)
  local ends, holder, missed_at =
    unpack(redis.call('HMGET', key, name .. '_until', name .. '_holder', name .. '_missed_at'))
  ends, missed_at = tonumber(ends) or 0, tonumber(missed_at) or math.huge
  if ends <= now then return 0 end
  local worker = string.match(holder or '', string.format('^%.0f (.+)$', ends))
  if ends - now > length then -- the clock has stepped back
    lease_begin(key, name, now, length, worker or '')
    ends = now + length
  end
  if not worker or redis.call('EXISTS', workers.prefix .. worker) == 1 then
    redis.call('HDEL', key, name .. '_missed_at')
    return ends - now
  end
  if missed_at > now then
    missed_at = now
    redis.call('HSET', key, name .. '_missed_at', now)
  end
  return math.min(ends - now, math.max(0, missed_at + workers.witness - now))
end

local function lease_end(key, name)
  redis.call('HDEL', key, name .. '_until', name .. '_holder', name .. '_missed_at')
end
