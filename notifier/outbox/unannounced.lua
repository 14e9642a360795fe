-- What no worker has ended, and Flower is to be told of all the same.
-- Functions: await_announcement.

-- A worker tells of it in its next sweep. `unannounced` is a sorted set: ids by time (microseconds).
local UNANNOUNCED_MAX, UNANNOUNCED_LIFE = 1000, 3600
local function await_announcement(unannounced, id, now)
  redis.call('ZADD', unannounced, now, id)
  for _, each in ipairs(redis.call('ZRANGE', unannounced, 0, -UNANNOUNCED_MAX - 1)) do
    redis.call('ZREM', unannounced, each)
  end
  redis.call('EXPIRE', unannounced, UNANNOUNCED_LIFE)
end
