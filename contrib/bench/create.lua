-- Lets wrk create jobs with names of their own.
local count = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"

function request()
  count = count + 1
  local job = '{"name":"job %d","command":"/bin/true %d","schedule":"R/2099-01-01T00:00:00Z/PT1H"}'
  return wrk.format(nil, nil, nil, job:format(count, count))
end
