-- Time as all scripts count it: microseconds since 1970 by Redis' own clock, the one clock that the fleet shares.
--
-- SECOND    microseconds
-- SOON      microseconds after which to look again if only somebody else's answer can open the gate
-- LIFE_MS   milliseconds: the life of a key that nobody touches any more
-- now_us()  returns the time now

local SECOND = 1000000
local SOON = SECOND
local LIFE_MS = 30 * 86400 * 1000

local function now_us()
  local time = redis.call('TIME')
  return time[1] * SECOND + time[2]
end
