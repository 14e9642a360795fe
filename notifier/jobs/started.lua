-- Note that a job was started. It is due again after so long; what was told of its delay is forgotten. Or, that one is
-- expected of which nothing is known.
-- KEYS: 1 the job, 2 jobs, 3 jobs that are due
-- ARGV: 1 name, 2 id of the run, 3 expected after (microseconds; '' if it is not), 4 grace (microseconds),
--       5 alert type ('' if none), 6 life of the job, 7 life of the others (seconds),
--       8 what is started ('job' or 'queue'), 9 1: it is only expected
-- Returns nothing.
local JOB, JOBS, DUE = unpack(KEYS)
local NAME, RUN, EXPECT, GRACE, TYPE, LIFE, LIFE_OF_ALL, WHAT, IS_EXPECTED = unpack(ARGV)
if IS_EXPECTED == '1' and redis.call('EXISTS', JOB) == 1 then return end
local now = now_us()

redis.call('HSET', JOB, 'name', NAME, 'run', RUN, 'started_at', now, 'type', TYPE, 'expect', EXPECT, 'grace', GRACE,
  'what', WHAT)
if IS_EXPECTED == '1' then redis.call('HSET', JOB, 'ended', RUN, 'outcome', 'expected') end
redis.call('HDEL', JOB, 'told_at', 'due_at')
if EXPECT ~= '' then
  local due = now + tonumber(EXPECT) + tonumber(GRACE)
  redis.call('HSET', JOB, 'due_at', string.format('%.0f', due))
  redis.call('ZADD', DUE, due, NAME)
  redis.call('EXPIRE', DUE, LIFE_OF_ALL)
end
redis.call('EXPIRE', JOB, LIFE)
redis.call('ZREMRANGEBYSCORE', JOBS, '-inf', now)
redis.call('ZADD', JOBS, now + tonumber(LIFE) * SECOND, NAME)
redis.call('EXPIRE', JOBS, LIFE_OF_ALL)
