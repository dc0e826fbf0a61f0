// Sends forms that do something without leaving the page: what is refused is told in a dialogue, and nothing typed is lost.
"use strict";
(() => {
  const words = document.body.dataset;

  function dialogue(...content) {
    const box = document.createElement("dialog");
    const close = document.createElement("button");
    close.textContent = words.close;
    close.addEventListener("click", () => box.close());
    box.append(...content, close);
    box.addEventListener("close", () => box.remove());
    document.body.append(box);
    box.showModal();
    return box;
  }

  function said(sentence) {
    const paragraph = document.createElement("p");
    paragraph.setAttribute("role", "alert");
    paragraph.textContent = sentence;
    return paragraph;
  }

  async function part(answer, selector) {
    return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(selector);
  }

  function post(form) {
    const body = new URLSearchParams(new FormData(form));
    return fetch(form.action, { method: "POST", body, headers: { Accept: "text/html" } });
  }

  // The sign-in has expired: sign in here, then go on with what was to be done.
  function signInAgain(form, onwards) {
    const box = dialogue(form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      trying(async () => {
        const answer = await post(form);
        if (!answer.ok) form = await part(answer, "form.sign-in");
        box.close();
        if (answer.ok) onwards();
        else signInAgain(form, onwards);
      });
    });
  }

  async function trying(what) {
    try {
      await what();
    } catch {
      dialogue(said(words.unheard));
    }
  }

  async function send(form) {
    const answer = await post(form);
    if (answer.status === 401) signInAgain(await part(await fetch("/sign-in"), "form.sign-in"), () => submit(form));
    else if (answer.ok) location.assign(answer.url);
    else dialogue((await part(answer, ".refusal")) ?? said(`${answer.status} ${answer.statusText}`));
  }

  async function submit(form) {
    const buttons = form.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    await trying(() => send(form));
    for (const button of buttons) button.disabled = false;
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-command]")) return;
    event.preventDefault();
    submit(event.target);
  });
})();
