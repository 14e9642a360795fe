-- What has become of a notification whose answer comes late: its lease is lost, and others may have gone on.
-- item: one of commit.lua's dispositions
-- is_joined(notification, item)   whether others have joined it since it was given up and waits again: the message that
--   is there shows none of them
-- is_sent_again(notification, item, state, in_flight, moved_to)   whether another request carries it now, or the answer
--   to one was lost. moved_to: those in flight at the fallback; in_flight, if there is none

local function is_joined(notification, item)
  local incident, joined_at, seen_at = unpack(redis.call('HMGET', notification, 'incident', 'joined_at', 'seen_at'))
  if item.status ~= 'delivered' or (tonumber(joined_at) or 0) < (tonumber(seen_at) or math.huge) then return false end
  return redis.call('HGET', incident, 'waiting') == item.id
end

local function is_sent_again(notification, item, state, in_flight, moved_to)
  local attempts = tonumber(redis.call('HGET', notification, 'attempts')) or 0
  if attempts > item.attempts then return true end -- the one that it was given up with is this one's own
  if moved_to ~= in_flight and redis.call('ZSCORE', moved_to, item.id) then return true end
  return batch_claimed(state) ~= nil and redis.call('ZSCORE', in_flight, item.id) ~= false
end
