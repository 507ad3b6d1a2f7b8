"""The scatter plot and the crossfilter's worker in a real Chromium: what is drawn, pixel by pixel."""

import functools
import http.server
import itertools
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "viewer" / "client"
CHROMIUM = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
]

RED, GREEN, BLUE, WHITE = [255, 0, 0], [0, 160, 0], [0, 0, 255], [255, 255, 255]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the page of scatter_page/ and serve it; return its address."""
    vite = CLIENT / "node_modules" / ".bin" / "vite"
    assert vite.exists(), "the client's packages are not installed: run `make client`"
    built = tmp_path_factory.mktemp("scatter_page")
    page = Path(__file__).parent / "scatter_page"
    command = [str(vite), "build", str(page), "--outDir", str(built), "--base", "./", "--logLevel", "warn"]
    subprocess.run(command, cwd=CLIENT, check=True)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=built))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    """Start Chromium with software graphics."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, site):
    """Open the page; fail on any error in its console."""
    page = browser.new_page(viewport={"width": 600, "height": 400})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(site)
    page.wait_for_function("window.scatter")
    yield page
    page.close()
    assert errors == []


def test_draws_cells_where_they_are_and_leaves_out_nan(page):
    page.evaluate("""() => {
        scatter.setPositions(Float32Array.of(0, 1, NaN, 0.5), Float32Array.of(0, 1, 0, Infinity));
        scatter.setCodes(Uint8Array.of(0, 1, 1, 1));
        scatter.setLut(table('rb'));
        scatter.fit();
    }""")
    assert page.evaluate("scatter.nDrawable") == 2
    # Equal scales: the square of the data takes the height of the canvas, and y points up.
    assert page.evaluate("scatter.project(0, 0)") == [120, 380]
    red = page.evaluate("colorAt(120, 380)")
    blue = page.evaluate("colorAt(480, 20)")
    assert red[0] == 255 and max(red[1:]) < 20
    assert blue[2] == 255 and max(blue[:2]) < 20
    assert page.evaluate("colorAt(300, 200)") == WHITE
    two_discs = 2 * 3.1416 * 4.5**2
    assert two_discs * 0.8 < page.evaluate("drawn()") < two_discs * 1.7


def test_puts_high_values_highlighted_and_unfaded_cells_on_top(page):
    page.evaluate("""() => {
        scatter.setPositions(new Float32Array(3), new Float32Array(3));
        scatter.setCodes(Uint8Array.of(2, 0, 1));
        scatter.setLut(table('rgb'));
        scatter.setOrder('value');
        scatter.setOpacity(1);
        scatter.fit();
    }""")
    assert page.evaluate("colorAt(300, 200)") == BLUE
    page.evaluate("scatter.setMask(Uint8Array.of(0, 1, 1))")
    assert page.evaluate("colorAt(300, 200)") == GREEN
    page.evaluate("scatter.setMask(Uint8Array.of(1, 2, 1))")
    assert page.evaluate("colorAt(300, 200)") == RED
    page.evaluate("scatter.setMask(null); scatter.setLut(table('rgb', [1, 2, 1]))")
    assert page.evaluate("colorAt(300, 200)") == GREEN
    page.evaluate("scatter.setLut(table('rg-'))")
    assert page.evaluate("colorAt(300, 200)") == GREEN
    page.evaluate("scatter.setMask(new Uint8Array(3))")
    grey = page.evaluate("colorAt(300, 200)")
    assert len(set(grey)) == 1 and 200 < grey[0] < 245


def test_picks_and_lassos_what_is_shown(page):
    page.evaluate("""() => {
        const [x, y] = lattice(20);
        scatter.setPositions(x, y);
        scatter.setCodes(Uint8Array.from(x, (_, k) => k % 2));
        scatter.setLut(table('r-'));
        scatter.fit();
    }""")
    assert page.evaluate("scatter.pick(...scatter.project(4, 3))") == 64
    assert page.evaluate("scatter.pick(...scatter.project(5, 3))") == -1
    found = page.evaluate("""() => {
        const [left, top] = scatter.project(-0.5, 4.5);
        const [right, bottom] = scatter.project(3.5, 1.5);
        return [...scatter.lasso([left, top, right, top, right, bottom, left, bottom])];
    }""")
    assert found == [row * 20 + column for row in (2, 3, 4) for column in (0, 2)]


def test_survives_a_lost_context(page):
    page.evaluate("""() => {
        const [x, y] = lattice(30);
        scatter.setPositions(x, y);
        scatter.setLut(table('r'));
        scatter.fit();
    }""")
    before = page.evaluate("drawn()")
    assert before > 900
    page.evaluate("""async () => {
        const lose = scatter.canvas.getContext('webgl2').getExtension('WEBGL_lose_context');
        const heard = (type) => new Promise((hear) => scatter.canvas.addEventListener(type, hear, { once: true }));
        const lost = heard('webglcontextlost');
        lose.loseContext();
        await lost;
        scatter.setLut(table('b'));
        scatter.zoomBy(2);
        scatter.fit();
        scatter.flush();
        await new Promise((rest) => setTimeout(rest, 50));
        const restored = heard('webglcontextrestored');
        lose.restoreContext();
        await restored;
    }""")
    assert page.evaluate("drawn()") == before
    assert page.evaluate("colorAt(...scatter.project(0, 0))")[2] == 255


def test_a_png_has_every_cell_also_at_the_seams_of_its_tiles(page):
    result = page.evaluate("""async () => {
        const [x, y] = lattice(60);
        scatter.setPositions(x, y);
        scatter.setLut(table('r'));
        scatter.setOpacity(1);
        scatter.fit();
        const scale = 6;
        const bitmap = await createImageBitmap(await scatter.toPNG({ scale, background: null }));
        const copy = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
        copy.drawImage(bitmap, 0, 0);
        const data = copy.getImageData(0, 0, bitmap.width, bitmap.height).data;
        const alpha = (px, py) => data[4 * (Math.floor(py * scale) * bitmap.width + Math.floor(px * scale)) + 3];
        const whole = 0.8 * scatter.pointDiameter / 2;
        let absent = 0;
        for (let k = 0; k < x.length; k++) {
            const [px, py] = scatter.project(x[k], y[k]);
            for (const dx of [-whole, 0, whole]) if (alpha(px + dx, py) !== 255) absent++;
        }
        return { width: bitmap.width, height: bitmap.height, absent, corner: alpha(1, 1) };
    }""")
    assert result == {"width": 3600, "height": 2400, "absent": 0, "corner": 0}


def test_draws_only_when_something_changed(page):
    frames = page.evaluate("""async () => {
        const [x, y] = lattice(10);
        scatter.setPositions(x, y);
        scatter.setLut(table('r'));
        const rest = () => new Promise((done) => setTimeout(done, 200));
        await rest();
        let count = 0;
        const draw = WebGL2RenderingContext.prototype.drawElements;
        WebGL2RenderingContext.prototype.drawElements = function (...given) { count++; draw.apply(this, given); };
        await rest();
        const idle = count;
        scatter.setPointSize(2);
        scatter.setMask(null);
        scatter.setLut(table('b'));
        await rest();
        return [idle, count];
    }""")
    assert frames == [0, 1]


def test_gestures_pan_zoom_and_lasso(page):
    page.evaluate("""() => {
        const [x, y] = lattice(20);
        scatter.setPositions(x, y);
        scatter.setLut(table('r'));
        scatter.fit();
        window.lassos = [];
        attachGestures(scatter.canvas, scatter, {
            onShapeEnd: (polygon, join) => lassos.push([scatter.lasso(polygon).length, join]),
        });
    }""")
    start = page.evaluate("scatter.project(7, 7)")
    page.mouse.move(300, 200)
    page.mouse.down()
    page.mouse.move(340, 185, steps=4)
    page.mouse.up()
    assert page.evaluate("scatter.project(7, 7)") == pytest.approx([start[0] + 40, start[1] - 15])
    under = page.evaluate("scatter.unproject(200, 100)")
    scale = page.evaluate("scatter.view.scale")
    page.mouse.move(200, 100)
    page.mouse.wheel(0, -240)
    page.wait_for_function(f"scatter.view.scale > {scale} * 1.9")
    assert page.evaluate("scatter.unproject(200, 100)") == pytest.approx(under)
    page.keyboard.press("0")
    page.wait_for_function(f"Math.abs(scatter.project(7, 7)[0] - {start[0]}) < 1e-3")
    page.keyboard.down("Shift")
    page.mouse.move(5, 5)
    page.mouse.down()
    for corner in [(595, 5), (595, 395), (5, 395)]:
        page.mouse.move(*corner, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert page.evaluate("lassos") == [[400, "replace"]]


MOVE = """async () => {
    const at = (...numbers) => Float32Array.of(...numbers);
    scatter.setPositions(at(0, 1, 0), at(0, 0, 1));
    scatter.setLut(table('r'));
    scatter.setOpacity(1);
    scatter.fit();
    scatter.flush();
    const frame = () => new Promise(requestAnimationFrame);
    const copy = new OffscreenCanvas(600, 400).getContext('2d', { willReadFrequently: true });
    const frames = [];
    const draw = WebGL2RenderingContext.prototype.drawElements;
    WebGL2RenderingContext.prototype.drawElements = function (...given) {
        draw.apply(this, given);
        copy.drawImage(scatter.canvas, 0, 0);
        const data = copy.getImageData(0, 0, 600, 400).data;
        let sum = 0, count = 0;
        for (let k = 0; k < data.length; k += 4) if (data[k + 1] < 128) { sum += (k / 4) % 600; count++; }
        frames.push(sum / count);
    };
    scatter.setPositions(at(5, 5, 4), at(0, 1, 1), { animate: true });
    scatter.fit();
    await new Promise((rest) => setTimeout(rest, 1500));
    WebGL2RenderingContext.prototype.drawElements = draw;
    return frames;
}"""


def test_cells_move_to_another_embedding_and_stand_still_for_those_who_want_it(page):
    # the mean of three corners: at first of the triangle to the left, at last of the one to the right
    frames = page.evaluate(MOVE)
    assert len(frames) > 3
    assert frames[0] < 300 < frames[-1]
    assert all(after > before - 3 for before, after in itertools.pairwise(frames))
    assert any(frames[0] + 10 < mean < frames[-1] - 10 for mean in frames)
    page.emulate_media(reduced_motion="reduce")
    frames = page.evaluate(MOVE)
    assert max(frames) - min(frames) < 1
    assert frames[0] > 300


def test_follows_the_size_of_its_canvas(page):
    page.evaluate("""() => {
        scatter.setPositions(Float32Array.of(0, 1), Float32Array.of(0, 1));
        scatter.setLut(table('r'));
        scatter.fit();
        scatter.canvas.style.width = '300px';
    }""")
    page.wait_for_function("scatter.canvas.width === 300")
    assert page.evaluate("scatter.project(1, 1)") == [285, 65]
    assert page.evaluate("colorAt(285, 65)")[0] == 255


def test_a_million_cells(page):
    drawn = page.evaluate("""() => {
        const [x, y] = lattice(1000);
        scatter.setPositions(x, y);
        scatter.setCodes(Uint8Array.from(x, (_, k) => k % 3));
        scatter.setLut(table('rgb'));
        scatter.fit();
        return drawn();
    }""")
    # The square of 360 pixels, each of which has several cells.
    assert drawn == pytest.approx(361**2, rel=0.02)
    assert page.evaluate("scatter.lasso([0, 0, 300, 0, 300, 400, 0, 400]).length") == 500_000
    assert page.evaluate("scatter.pick(300, 200)") >= 0


def test_the_crossfilter_answers_from_its_worker(page):
    answer = page.evaluate("""async () => {
        let latest = null;
        let counts = null;
        const crossfilter = createCrossfilter(4, {
            onMask: (result) => { latest = [result.mask && [...result.mask], result.passing]; },
            onCounts: (changed) => { counts = [...changed.get('kind').passing]; },
        });
        crossfilter.addField('kind', { kind: 'category', codes: Int8Array.of(0, 1, 1, -1), size: 2 });
        crossfilter.addField('size', { kind: 'range', values: Float32Array.of(1, 2, 3, 4) });
        crossfilter.watch(['kind']);
        crossfilter.setFilter('size', { kind: 'range', min: 2, max: 9, missing: false });
        crossfilter.setFilter('kind', { kind: 'category', allowed: [0, 1], missing: false });
        await crossfilter.settled();
        crossfilter.dispose();
        return [latest, counts];
    }""")
    assert answer == [[[0, 1, 1, 0], 2], [0, 2]]
