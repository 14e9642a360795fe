-- Time as all scripts count it: microseconds since 1970 by Redis' own clock, the one clock that the fleet shares.
-- Below all others: scripts.py puts what follows into a function of its own.
--
-- SECOND    microseconds
-- MINUTE    how long an answer's word for it holds everything; after that, if it said more, one request may try
-- HOUR      how long such a word is believed at most
-- SOON      microseconds after which to look again if only somebody else's answer can open the gate
-- LIFE_MS   milliseconds: the life of a key that nobody touches any more
-- now_us()  returns the time now
-- redate_set(key, latest, score)  gives members of a sorted set that are dated later than `latest` this score
--
-- This clock steps back now and then. So no stored time holds anything for longer than it did when it was stored: one
-- that is further ahead is from before the step, and begins anew.

local SECOND = 1000000
local MINUTE = 60 * SECOND
local HOUR = 60 * MINUTE
local SOON = SECOND
local LIFE_MS = 30 * 86400 * 1000

local function now_us()
  local time = redis.call('TIME')
  return time[1] * SECOND + time[2]
end

local function redate_set(key, latest, score)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, string.format('(%.0f', latest), '+inf')) do
    redis.call('ZADD', key, score, member)
  end
end
