/* A button that fills the screen with the widget it stands in, and gives it back. */
function render({ model, el }) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "ppl-fullscreen";
    const root = () => el.closest(".ppl-gallery") || document.documentElement;
    const name = () => {
        button.textContent = model.get(document.fullscreenElement ? "leave" : "enter");
    };
    button.addEventListener("click", () => {
        if (document.fullscreenElement) document.exitFullscreen();
        else root().requestFullscreen?.();
    });
    document.addEventListener("fullscreenchange", name);
    button.hidden = !document.fullscreenEnabled;
    name();
    el.append(button);
    return () => document.removeEventListener("fullscreenchange", name);
}

export default { render };
