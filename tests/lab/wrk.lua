-- SPDX-License-Identifier: Apache-2.0
-- For wrk with one thread: who answered, and what failed. Prints "requests N failed N be1 N be2 N be3 N".
local threads = {}

function setup(thread)
	threads[#threads + 1] = thread
end

function init()
	bad, be1, be2, be3 = 0, 0, 0, 0
end

function response(status, headers, body)
	local who = status == 200 and body:match("^(be[123]) sees ")
	if who then
		_G[who] = _G[who] + 1
	else
		bad = bad + 1
	end
end

function done(summary)
	local e, t = summary.errors, threads[1]
	-- An error status has been counted by its answer.
	print(string.format("requests %d failed %d be1 %d be2 %d be3 %d", summary.requests,
		e.connect + e.read + e.write + e.timeout + t:get("bad"), t:get("be1"), t:get("be2"), t:get("be3")))
end
