# Draws what timeline.sh recorded as an SVG: awk -f timeline.awk RECORD >FILE. One panel for each device, from its plug to
# replug's line in the journal; in a panel a lane for whoever tells something, in a lane as many rows as its labels need.
# A record without a whole recovery of each device is an error.
BEGIN {
	FS = "\t"
	WIDTH = 880; LEFT = 92; RIGHT = 24; ROW = 18; EM = 6.3; LINE = 120 # px of a label's character; characters of a journal's line
	panel("dongle", "A capture dongle is plugged in")
	panel("bridge", "A serial adapter is plugged in; the CH9329 behind it hangs and answers nothing")
	colour["device"] = "#0969da"; colour["chip"] = "#8250df"; colour["kernel"] = "#57606a"
	colour["udev"] = "#9a6700"; colour["replug"] = "#1a7f37"
}
function panel(name, title) { names[++panels] = name; titles[panels] = title }
{
	time[NR] = $1; by[NR] = $2; of[NR] = $3; what[NR] = $4
}
function fail(why) { print "timeline.awk: " why >"/dev/stderr"; failed = 1; exit 1 }
function escaped(s) { gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); gsub(/>/, "\\&gt;", s); return s }
function last(path) { sub(/.*\//, "", path); return path }

# A mark in the panel at hand: from and to in ms; the same for an instant. A bar that ends with the panel has no end (-1).
function mark(lane, from, to, label) {
	n++
	m_lane[n] = lane; m_from[n] = from; m_to[n] = to; m_label[n] = label
	if (!(lane in lane_marks)) lanes[++lane_count] = lane
	lane_marks[lane]++
}
function ms(i) { return (time[i] - begun) * 1000 }

# What happened from the plug of NAME to the line that says that it was recovered.
function select_events(name,    i, first, port, path, run, node, opened, at, key, restart, below) {
	n = lane_count = 0
	split("", lane_marks); split("", opened); split("", asked)
	for (first = 1; first <= NR && !(by[first] == "emu" && of[first] == name && what[first] == "plugged"); first++);
	if (first > NR) fail("no plug of " name)
	begun = time[first]
	for (i = first; i <= NR && path == ""; i++)
		if (by[i] == "kernel" && what[i] == "add" && last(of[i]) ~ /^[0-9]+-[0-9.]+$/) path = of[i]
	if (path == "") fail("the kernel has not added " name)
	port = last(path)
	said = ""; span = 0
	for (i = first; i <= NR && said == ""; i++)
		if (by[i] == "journal" && of[i] == "replug" && index(what[i], port " ") == 1 && what[i] ~ /recovered in/) {
			said = what[i]; span = ms(i)
		}
	if (said == "") fail(name " was not recovered")

	mark("device", 0, 0, "plugged in")
	for (i = first + 1; i <= NR && ms(i) <= span; i++) {
		at = ms(i)
		below = index(of[i], path "/") == 1 || of[i] == path
		if (by[i] == "emu" && of[i] == name) {
			if (what[i] == "reset") mark("device", at, at, "feels a bus reset")
			else if (what[i] ~ /^frame 57 AB 00 0F/) mark("chip", at, at, "hears RESET")
			else if (what[i] == "restart") restart = at
			else if (what[i] == "ready") mark("chip", restart, at, "restarts")
			else if (what[i] ~ /^answer 57 AB 00 81/ && !answered[name]++) mark("chip", at, at, "answers")
		} else if (by[i] == "kernel" && below) {
			node = last(of[i])
			key = of[i]
			if (what[i] == "add" && (key == path || node ~ /^(video|ttyUSB)[0-9]+$/)) opened[key] = at
			if (what[i] == "remove" && key in opened) { mark("kernel", opened[key], at, node); delete opened[key] }
			if (!((what[i], key) in asked)) asked[what[i], key] = at
		} else if (by[i] == "udev" && below && (what[i], of[i]) in asked) {
			mark("udev", asked[what[i], of[i]], at, of[i] == path && what[i] == "add" ? "rules, replug-match" : "")
			delete asked[what[i], of[i]]
		} else if (by[i] == "journal" && of[i] == "systemd" && !run && what[i] ~ /^Starting / && index(what[i] ".", "/sys" path "."))
			run = at
	}
	if (!run) fail("systemd has not started a run for " name)
	mark("replug", run, span, sprintf("replug@.service, %d ms", span - run))
	for (key in opened) mark("kernel", opened[key], -1, last(key))
	sort_marks()
}
# By lane as drawn, in a lane by time: `for (in)` has no order.
function rank(lane) { return index("device chip kernel udev replug", lane) }
function sort_marks(    i, j) {
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && (rank(m_lane[j - 1]) > rank(m_lane[j]) || (m_lane[j - 1] == m_lane[j] && \
				(m_from[j - 1] > m_from[j] || (m_from[j - 1] == m_from[j] && m_label[j - 1] > m_label[j])))); j--) {
			swap(m_lane, j); swap(m_from, j); swap(m_to, j); swap(m_label, j)
		}
}
function swap(a, j,    t) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }

function x(at) { return LEFT + at / scale * (WIDTH - LEFT - RIGHT) }
# The first of a lane's rows that is free from x to the end of the label.
function row_for(from, to,    r) {
	for (r = 1; (r in taken) && taken[r] > from; r++);
	taken[r] = to
	return r
}
function out(s) { body = body s "\n" }
function text(px, py, class, s, more) { out(sprintf("<text x=\"%.1f\" y=\"%.1f\" class=\"%s\"%s>%s</text>", px, py, class, more, escaped(s))) }

function draw(    i, j, lane, top, rows, from, to, end, r, step, at, cy, flip, label) {
	step = 1; scale = span * 1.04
	for (i = 0; scale / step > 12; i++) step *= (i % 3 == 1 ? 2.5 : 2)
	top = y
	text(16, y, "h", titles[p], "")
	y += 12
	axis = y
	for (i = 1; i <= n; i = j) {
		lane = m_lane[i]; split("", taken); rows = 0; y += 6
		text(16, y + 13, "l", lane == "device" ? names[p] == "dongle" ? "dongle" : "adapter" : lane, "")
		for (j = i; j <= n && m_lane[j] == lane; j++) {
			from = x(m_from[j]); to = m_to[j] < 0 ? WIDTH - RIGHT : x(m_to[j])
			label = m_label[j]
			end = to > from && to - from < length(label) * EM + 8 || to == from ? to + 6 : from + 4
			flip = label != "" && end + length(label) * EM > WIDTH - RIGHT
			r = row_for(flip ? from - length(label) * EM - 8 : from, \
				label == "" || flip ? to + 3 : (end + length(label) * EM + 6 > to ? end + length(label) * EM + 6 : to + 3))
			if (r > rows) rows = r
			cy = y + (r - 1) * ROW
			if (to > from) out(sprintf("<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"13\" fill=\"%s\" fill-opacity=\".3\"/>", \
				from, cy + 3, (to - from < 2 ? 2 : to - from), colour[lane]))
			else out(sprintf("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>", from, cy + 9.5, colour[lane]))
			if (label != "") text(flip ? from - 6 : end, cy + 13.5, "t", label, flip ? " text-anchor=\"end\"" : "")
		}
		y += rows * ROW
	}
	y += 6
	for (at = 0; at <= scale; at += step) {
		grid = grid sprintf("<path d=\"M%.1f %.1fV%.1f\"/>\n", x(at), axis, y)
		text(x(at), y + 13, "a", at " ms", " text-anchor=\"middle\"")
	}
	y += 32
	for (label = said; length(label) > LINE; label = substr(label, i + 1)) {
		for (i = LINE; i > 1 && substr(label, i, 1) != " "; i--);
		text(16, y, "j", substr(label, 1, i - 1), "")
		y += 15
	}
	text(16, y, "j", label, "")
	y += 34
}
END {
	if (failed) exit 1
	y = 26
	for (p = 1; p <= panels; p++) {
		select_events(names[p])
		draw()
		told = told (p > 1 ? " " : "") titles[p] ": " said "."
	}
	y -= 18
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"title desc\">\n", WIDTH, y
	print "<title id=\"title\">What happens when a device is plugged in, in milliseconds</title>"
	print "<desc id=\"desc\">" escaped(told) "</desc>"
	print "<style>text{font-family:sans-serif;font-size:11px;fill:#1f2328}.h{font-size:14px;font-weight:bold}" \
		".l{font-weight:bold}.a{fill:#57606a}.j{font-family:monospace}</style>"
	# A ground of its own: what stands on it is as readable on a dark page as on a light one.
	printf "<rect x=\".5\" y=\".5\" width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#fff\" stroke=\"#d0d7de\"/>\n", WIDTH - 1, y - 1
	printf "<g stroke=\"#d8dee4\">\n%s</g>\n%s</svg>\n", grid, body
}
