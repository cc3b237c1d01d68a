"""Line charts as SVG by themselves: no library, no fonts or scripts from elsewhere, readable on light and on dark."""
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 400, 76, 16, 40, 56
COLOURS = ("#2f6fde", "#d9480f", "#2b8a3e", "#9c36b5", "#c2255c", "#0c8599")
STYLE = """<style>
text{font:13px sans-serif;fill:#24292f}.title{font-size:15px;font-weight:bold}.axis{stroke:#57606a}.grid{stroke:#d0d7de}.back{fill:#ffffff}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.axis{stroke:#9198a1}.grid{stroke:#3d444d}.back{fill:#0d1117}}
</style>"""


def _escape(text):
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _number(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


class Axis:
    """Values to places between two ends; ticks at 1, 2, 5 of each power of ten, or at even steps."""

    def __init__(self, values, first, last, is_log):
        self.is_log, self.first, self.last = is_log, first, last
        low, high = min(values), max(values)
        if is_log:
            self.low, self.high = math.log10(low), math.log10(high if high > low else low * 10)
            self.ticks = [m * 10**e for e in range(math.floor(self.low), math.ceil(self.high) + 1) for m in (1, 2, 5)
                          if self.low - 1e-9 <= math.log10(m * 10**e) <= self.high + 1e-9]
        else:
            step = 10 ** math.floor(math.log10(high or 1))
            step = next(step * part for part in (0.1, 0.2, 0.5, 1, 2) if high / (step * part) <= 8)
            self.low, self.high = 0, math.ceil(high / step) * step or 1
            self.ticks = [round(step * i, 10) for i in range(int(round(self.high / step)) + 1)]

    def at(self, value):
        place = (math.log10(value) if self.is_log else value) - self.low
        return round(self.first + (self.last - self.first) * place / (self.high - self.low), 1)


def line_chart(title, x_label, y_label, series, is_x_log=True, is_y_log=False):
    """series: {name: [(x, y), ...]}; the document."""
    points = [point for line in series.values() for point in line]
    x = Axis([point[0] for point in points], LEFT, WIDTH - RIGHT, is_x_log)
    y = Axis([point[1] for point in points], HEIGHT - BOTTOM, TOP, is_y_log)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"><title>{_escape(title)}</title>', STYLE,
             f'<rect class="back" width="{WIDTH}" height="{HEIGHT}"/><text class="title" x="{LEFT}" y="22">{_escape(title)}</text>']
    for tick in y.ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y.at(tick)}" y2="{y.at(tick)}"/>'
                     f'<text x="{LEFT - 8}" y="{y.at(tick) + 4}" text-anchor="end">{_number(tick)}</text>')
    for tick in x.ticks:
        parts.append(f'<line class="axis" x1="{x.at(tick)}" x2="{x.at(tick)}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM + 5}"/>'
                     f'<text x="{x.at(tick)}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{_number(tick)}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>'
                 f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{_escape(x_label)}</text>'
                 f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{_escape(y_label)}</text>')
    for number, (name, line) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x.at(a)},{y.at(b)}" for a, b in sorted(line))
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>')
        parts += [f'<circle fill="{colour}" cx="{x.at(a)}" cy="{y.at(b)}" r="3"/>' for a, b in line]
        parts.append(f'<rect fill="{colour}" x="{WIDTH - 190}" y="{TOP + 6 + 20 * number}" width="12" height="12"/>'
                     f'<text x="{WIDTH - 172}" y="{TOP + 17 + 20 * number}">{_escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
