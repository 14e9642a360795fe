-- Note that an alert tells of a job that was not started in time: it is told once. Unless it was started meanwhile.
-- KEYS: 1 the job, 2 jobs that are due
-- ARGV: 1 name, 2 time at which it was due (microseconds)
-- Returns 1 if it was noted.
local JOB, DUE = KEYS[1], KEYS[2]
if redis.call('HGET', JOB, 'due_at') ~= ARGV[2] then return 0 end
redis.call('HSET', JOB, 'told_at', string.format('%.0f', now_us()))
redis.call('ZREM', DUE, ARGV[1])
return 1
