"""The page of a run in a real browser: everything that a hand can do with it."""

import shutil
import time

import numpy as np
import pytest
import sample_run
from skimage import color

from priorlab.harness.report.page import writing
from priorlab.ssim import ssim_of_channel

selenium = pytest.importorskip("selenium", reason="needs selenium: pip install selenium")
from selenium import webdriver  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER),
    reason="needs a browser: apt-get install chromium chromium-driver",
)
OPTIONS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--window-size=1280,900",
]
PATIENCE = 5.0


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for option in [*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(PATIENCE)
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return writing.write(sample_run.make(tmp_path_factory.mktemp("results"))).file


@pytest.fixture
def page(browser, file):
    """The page as it opens; nothing that a test does may be an error in the console."""
    browser.get("about:blank")
    browser.get(file.as_uri())
    wait(browser, "return priorlab.viewer.panes.length > 1")
    yield browser
    assert browser.get_log("browser") == []


def wait(page, script):
    """Wait until a script returns something true, and return that."""
    end = time.monotonic() + PATIENCE
    while not (found := page.execute_script(script)):
        assert time.monotonic() < end, script
        time.sleep(0.02)
    return found


def js(page, script, *arguments):
    return page.execute_script(script, *arguments)


def click(page, selector):
    page.find_element(By.CSS_SELECTOR, selector).click()


def choose(page, selector, value):
    script = "const e = document.querySelector(arguments[0]); e.value = arguments[1];"
    js(page, script + "e.dispatchEvent(new Event('change', {bubbles: true}));", selector, value)


def pixels(page, pane=0):
    """The middle of what a pane shows, as numbers."""
    script = """
        const { canvas } = priorlab.viewer.panes[arguments[0]];
        const [x, y] = [canvas.width >> 2, canvas.height >> 2];
        const copy = document.createElement("canvas");
        [copy.width, copy.height] = [2 * x, 2 * y];
        const pen = copy.getContext("2d");
        pen.drawImage(canvas, -x, -y);
        return Array.from(pen.getImageData(0, 0, 2 * x, 2 * y).data);
    """
    return js(page, script, pane)


def captions(page):
    return js(page, "return [...document.querySelectorAll('figcaption')].map(e => e.textContent)")


def test_the_page_shows_all_its_parts(page):
    assert page.title == "priorlab: first"
    shown = js(page, "return [...document.querySelectorAll('main > section')].map(e => e.hidden)")
    assert shown == [False] * 8
    names = js(page, "return priorlab.viewer.panes.map(pane => pane.shown[0].label)")
    assert names == ["clean", "measured", "good", "fair"]
    assert js(page, "return document.querySelectorAll('b').length") == 0, "no name became a tag"


def test_a_click_on_a_head_sorts(page):
    table = "document.querySelector('.sheet table')"
    read = f"return [...{table}.tBodies[0].rows].map(r => r.cells[1].textContent)"
    assert js(page, read)[:2] == ["good", "fair"]
    seconds = page.find_element(By.XPATH, "//button[starts-with(., 's/image')]")
    js(page, "arguments[0].scrollIntoView({block: 'center'})", seconds)
    seconds.send_keys(Keys.ENTER)
    assert js(page, read)[0] == "=cmd()", "fastest first"
    heads = f"return [...{table}.tHead.rows[0].cells].map(c => c.getAttribute('aria-sort'))"
    assert [sort for sort in js(page, heads) if sort] == ["ascending"]
    seconds.send_keys(Keys.ENTER)
    assert js(page, read)[0] == "good"
    assert [sort for sort in js(page, heads) if sort] == ["descending"]
    page.find_element(By.XPATH, "//button[starts-with(., 'PSNR')]").send_keys(Keys.ENTER)
    assert js(page, read)[0] == "good", "highest first"


@pytest.mark.slow
def test_zoom_and_movement_are_those_of_all_panes(page):
    before = [pixels(page, i) for i in range(4)]
    click(page, "#in")
    click(page, "#in")
    assert all(pixels(page, i) != before[i] for i in range(4))
    state = "return JSON.stringify(priorlab.viewer.view)"
    moved = js(page, state)
    canvas = page.find_elements(By.CSS_SELECTOR, "figure canvas")[2]
    ActionChains(page, duration=60).drag_and_drop_by_offset(canvas, -40, -30).perform()
    assert js(page, state) != moved
    script = "const v = priorlab.viewer; return v.panes.map(pane => pane.part(v.view, v.size))"
    parts = js(page, script)
    assert all(part == parts[0] for part in parts) and parts[0]["left"] > 0
    canvas.send_keys("0")
    assert js(page, "return priorlab.viewer.view.zoom") == 1
    assert [pixels(page, i) for i in range(4)] == before


@pytest.mark.slow
def test_the_wheel_zooms_where_the_pointer_is(page):
    canvas = page.find_elements(By.CSS_SELECTOR, "figure canvas")[0]
    canvas.click()
    point = """
        const box = arguments[0].getBoundingClientRect(), v = priorlab.viewer;
        return v.panes[0].pointAt({clientX: box.left + 30, clientY: box.top + 40}, v.view, v.size);
    """
    before = js(page, point, canvas)
    script = """
        const box = arguments[0].getBoundingClientRect();
        arguments[0].dispatchEvent(new WheelEvent("wheel", {
            clientX: box.left + 30, clientY: box.top + 40, deltaY: -300, cancelable: true}));
    """
    js(page, script, canvas)
    after = js(page, point, canvas)
    assert js(page, "return priorlab.viewer.view.zoom") > 1.5
    assert after == pytest.approx(before, abs=0.01)


def test_a_key_flips_as_long_as_it_is_held(page):
    canvas = page.find_elements(By.CSS_SELECTOR, "figure canvas")[3]
    canvas.click()
    fair, good = pixels(page, 3), pixels(page, 2)
    ActionChains(page, duration=60).key_down("3").perform()
    assert pixels(page, 3) == good
    assert js(page, "return priorlab.viewer.panes[3].shown[0].label") == "good"
    held = js(page, "return document.querySelector('#flips .held').textContent")
    assert held == "3good"
    ActionChains(page, duration=60).key_up("3").perform()
    assert pixels(page, 3) == fair


def press(page, *keys):
    """Type keys where the focus is, and let go of them."""
    actions = ActionChains(page, duration=0)
    for key in keys:
        actions = actions.key_down(key)
    for key in reversed(keys):
        actions = actions.key_up(key)
    actions.perform()


def far_from_the_viewer(page):
    """Neither the pointer nor the focus is in the viewer, nor is it in sight."""
    js(page, "document.activeElement.blur(); scrollTo({top: 1e6, behavior: 'instant'})")
    last = page.find_element(By.CSS_SELECTOR, "#run dd:last-of-type")
    ActionChains(page, duration=0).move_to_element(last).perform()
    inside = "const e = document.getElementById('look'); return e.matches(':hover, :focus-within')"
    assert js(page, inside) is False


@pytest.mark.slow
def test_keys_work_all_over_the_page(page):
    far_from_the_viewer(page)
    ActionChains(page, duration=0).key_down("3").perform()
    assert js(page, "return priorlab.viewer.panes[0].shown[0].label") == "good"
    ActionChains(page, duration=0).key_up("3").perform()
    assert js(page, "return priorlab.viewer.panes[0].shown[0].label") == "clean"
    press(page, "s")
    assert js(page, "return priorlab.viewer.mode") == "slider"
    press(page, Keys.SHIFT, "e")
    assert js(page, "return priorlab.viewer.show") == "error"
    press(page, "]")
    wait(page, "return priorlab.viewer.index === 1")
    press(page, "[")
    wait(page, "return priorlab.viewer.index === 0")
    press(page, "+")
    assert js(page, "return priorlab.viewer.view.zoom") > 1
    assert "all over the page" in page.find_element(By.CSS_SELECTOR, ".hint").text


def test_keys_work_after_a_click_on_a_box(page):
    click(page, "#flips li:nth-child(5) input")
    press(page, "s")
    assert js(page, "return priorlab.viewer.mode") == "slider"


@pytest.mark.slow
def test_keys_are_not_taken_from_those_who_type_or_command(page):
    state = "const v = priorlab.viewer; return [v.mode, v.show, v.index, v.held]"
    before = js(page, state)
    for tag in ("input", "textarea"):
        field = f"document.querySelector('#filters').append(document.createElement('{tag}'))"
        js(page, f"{field}; document.querySelector('#filters').lastElementChild.focus()")
        for key in "se]1":
            press(page, key)
        typed = page.find_element(By.CSS_SELECTOR, "#filters > :last-child")
        assert typed.get_property("value") == "se]1"
    js(page, "document.getElementById('metric').focus()")
    for key in "se]1":
        press(page, key)
    js(page, "document.activeElement.blur()")
    for command in (Keys.CONTROL, Keys.ALT, Keys.META):
        press(page, command, "e")
    assert js(page, state) == before


def test_a_held_button_flips_too(page):
    button = page.find_element(By.CSS_SELECTOR, "#flips li:nth-child(4) button")
    before = pixels(page, 0)
    ActionChains(page, duration=60).click_and_hold(button).perform()
    assert pixels(page, 0) == pixels(page, 3)
    ActionChains(page, duration=60).release().perform()
    assert pixels(page, 0) == before


@pytest.mark.slow
def test_the_divider_moves_by_pointer_and_keys(page):
    click(page, "[data-mode=slider]")
    divider = page.find_element(By.CSS_SELECTOR, ".divider")
    assert divider.get_attribute("aria-valuenow") == "50"
    before = pixels(page)
    js(page, "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", divider)
    ActionChains(page, duration=60).drag_and_drop_by_offset(divider, 150, 0).perform()
    assert int(divider.get_attribute("aria-valuenow")) > 55
    assert pixels(page) != before
    divider.send_keys(Keys.HOME)
    assert divider.get_attribute("aria-valuenow") == "0"
    choose(page, "#right", "clean")
    names = "return priorlab.viewer.panes[0].shown.map(entry => entry.label)"
    assert js(page, names) == ["measured", "clean"]


def test_panes_open_and_close(page):
    click(page, "#flips li:nth-child(5) input")
    names = "return priorlab.viewer.panes.map(pane => pane.shown[0].label)"
    assert js(page, names) == ["clean", "measured", "good", "fair", "dip"]
    focused = js(page, "return document.activeElement.getAttribute('aria-label')")
    assert focused == "Show dip", "the keyboard goes on from there"
    click(page, "#flips li:nth-child(1) input")
    assert js(page, names) == ["measured", "good", "fair", "dip"]


def test_the_filters_choose_what_is_shown(page):
    choose(page, "#task", "1")
    wait(page, "return document.getElementById('where').textContent.startsWith('superres')")
    visible = "return [...document.querySelectorAll('.sheet')].map(e => !e.hidden)"
    assert js(page, visible) == [False, True]
    assert len(js(page, "return [...document.querySelectorAll('#time svg')]")) == 1
    wait(page, "return document.querySelectorAll('figcaption')[1].textContent.includes('enlarged')")
    js(page, "document.querySelector('#priors').open = true")
    js(page, "document.querySelector('#choices input[value=\"0\"]').click()")
    wait(page, "return !document.getElementById('flips').textContent.includes('good')")
    assert page.find_element(By.ID, "chosen").text == "3 of 4"
    rows = "return [...document.querySelectorAll('.sheet:not([hidden]) tr[data-prior]')]"
    shown = js(page, rows + ".filter(e => !e.hidden).map(e => e.dataset.prior)")
    assert "good" not in shown and "fair" in shown
    choose(page, "#image", "1")
    failures = "return [...document.querySelectorAll('.failure')].map(e => !e.hidden)"
    wait(page, failures + ".length")
    assert js(page, failures) == [False, True]


def test_without_priors_there_is_still_the_measurement(page):
    js(page, "document.querySelector('#priors').open = true")
    click(page, "#none")
    wait(page, "return priorlab.viewer.entries.length === 2")
    for mode in ("slider", "single", "panes"):
        click(page, f"[data-mode={mode}]")
        assert js(page, "return priorlab.viewer.panes.length") >= 1
    assert js(page, "return document.querySelectorAll('.chart').length") == 0


def test_the_next_image_is_one_button_away(page):
    click(page, "#next")
    wait(page, "return document.getElementById('where').textContent.includes('alert')")
    assert r"\x1b[31m" in page.find_element(By.ID, "where").text


@pytest.mark.slow
def test_a_dot_leads_to_its_picture(page):
    dot = page.find_elements(By.CSS_SELECTOR, "#spread .dot")[-1]
    js(page, "arguments[0].dispatchEvent(new MouseEvent('click'))", dot)
    wait(page, "return priorlab.viewer.index === 2 || priorlab.viewer.index === 3")


NAMED = """
const { label, draw } = window.priorlab;
const area = draw("svg", { viewBox: "0 0 480 310" });
document.body.append(area);
const taken = [{ left: 0, right: 46, top: 94, bottom: 106 }];
const box = { left: 52, right: 468, top: 22, bottom: 270 };
for (const x of [60, 130, 330, 350]) label(area, "mmmmmmmmmm", x, 100, taken, box);
const found = [...area.querySelectorAll("text")].map((text) => text.getBBox());
area.remove();
return found.map((one) => [one.x, one.x + one.width, one.y, one.y + one.height]);
"""


@pytest.mark.slow
def test_names_of_a_chart_cover_neither_each_other_nor_its_axis(page):
    places = page.execute_script(NAMED)
    assert len(places) == 4
    for index, (left, right, top, bottom) in enumerate(places):
        assert left > 46 or bottom < 94 or top > 106
        assert not [
            other
            for other in places[:index]
            if left < other[1] and right > other[0] and top < other[3] and bottom > other[2]
        ]


@pytest.mark.slow
def test_maps_of_errors_are_dark_where_nothing_is_wrong(page):
    picture = pixels(page, 2)
    choose(page, "#show", "error")
    small, large = np.mean(pixels(page, 2)), np.mean(pixels(page, 1))
    assert pixels(page, 2) != picture and small < large
    choose(page, "#show", "colour")
    choose(page, "#range", "40")
    assert np.mean(pixels(page, 2)) < small + 100
    assert js(page, "return document.getElementById('legend').hidden") is False


@pytest.mark.slow
def test_figures_of_the_visible_part_are_right(page):
    wait(page, "return document.querySelectorAll('figcaption')[2]?.textContent.includes('PSNR')")
    clean, _, restored = sample_run.pictures("house", True, "denoise:sigma=25")
    one, other = (np.rint(np.clip(x, 0, 1) * 255) / 255 for x in (restored["good"], clean))
    psnr = -10 * np.log10(np.mean((one - other) ** 2))
    pairs = zip(one.astype(np.float32), other.astype(np.float32), strict=True)
    ssim = np.mean([ssim_of_channel(a, b) for a, b in pairs])
    lab = [color.rgb2lab(x.transpose(1, 2, 0)) for x in (one, other)]
    difference = color.deltaE_ciede2000(*lab).mean()
    text = captions(page)[2]
    assert f"visible: PSNR {psnr:.2f} dB, SSIM {ssim:.3f}, ΔE₀₀ {difference:.2f}" in text
    click(page, "#in")
    caption = "document.querySelectorAll('figcaption')[2].textContent"
    wait(page, f"return !{caption}.includes('{psnr:.2f} dB, S')")


@pytest.mark.slow
def test_colour_differences_are_those_of_scikit_image(page):
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (2, 500, 3))
    colours[1, 100:200] = np.clip(colours[0, 100:200] + rng.integers(-3, 4, (100, 3)), 0, 255)
    colours[:, 200:250] = colours[:, 200:250, :1]  # grays, which have no hue
    script = """
        const [one, other] = arguments[0].map((list) => {
            const lab = new Float64Array(3 * list.length);
            list.forEach((colour, i) => priorlab.toLab(...colour, lab, 3 * i));
            return lab;
        });
        return arguments[0][0].map((_, i) => priorlab.ciede2000(one, 3 * i, other, 3 * i));
    """
    found = js(page, script, colours.tolist())
    lab = color.rgb2lab(colours / 255)
    np.testing.assert_allclose(found, color.deltaE_ciede2000(lab[0], lab[1]), atol=2e-3)


@pytest.mark.slow
def test_a_link_shows_the_same_again(page, file):
    click(page, "#next")
    wait(page, "return priorlab.viewer.index === 1")
    click(page, "#differ")
    click(page, "[data-mode=slider]")
    click(page, "#link")
    address, view = page.current_url, js(page, "return JSON.stringify(priorlab.viewer.view)")
    page.get("about:blank")
    page.get(address)
    wait(page, "return priorlab.viewer.mode === 'slider'")
    assert js(page, "return JSON.stringify(priorlab.viewer.view)") == view
    assert js(page, "return priorlab.viewer.index") == 1


@pytest.mark.slow
def test_a_page_with_its_pictures_beside_it_works_from_disk(browser, file, tmp_path):
    run = sample_run.make(tmp_path)
    beside = writing.write(run, tmp_path / "large #1 & 100%.html", most=1000)
    browser.get(beside.file.as_uri())
    wait(browser, "return priorlab.viewer.panes.length > 1")
    assert len(set(pixels(browser, 2))) > 20
    assert browser.get_log("browser") == []


@pytest.mark.slow
def test_fingers_flip_zoom_and_move(page):
    def touch(kind, *points):
        fingers = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        command = {"type": f"touch{kind}", "touchPoints": fingers}
        page.execute_cdp_cmd("Input.dispatchTouchEvent", command)

    def middle(selector):
        script = "const b = document.querySelector(arguments[0]).getBoundingClientRect();"
        return js(page, script + "return [b.x + b.width / 2, b.y + b.height / 2]", selector)

    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        touch("Start", middle("#flips li:nth-child(2) button"))
        wait(page, "return priorlab.viewer.held === 'measured'")
        touch("End")
        wait(page, "return priorlab.viewer.held === null")
        x, y = middle("figure canvas")
        touch("Start", (x, y))
        touch("Start", (x, y), (x + 20, y))
        touch("Move", (x, y), (x + 60, y))
        touch("End")
        wait(page, "return Math.abs(priorlab.viewer.view.zoom - 3) < 0.01")
        before = js(page, "return priorlab.viewer.view.x")
        touch("Start", (x, y))
        touch("Move", (x - 20, y))
        touch("End")
        wait(page, f"return priorlab.viewer.view.x > {before}")
    finally:
        page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_only(page, scheme):
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert wait(page, "return document.documentElement.scrollWidth") <= 390
        ink, paper = js(
            page,
            "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]",
        )
        brightness = [sum(map(int, c.strip("rgb()").split(","))) for c in (ink, paper)]
        assert (brightness[0] < brightness[1]) == (scheme == "light")
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
