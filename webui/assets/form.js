// Asks for the fields that follow from a choice as soon as it is made. Without this script a button beside it does.
"use strict";

document.addEventListener("change", (event) => {
  const choice = event.target.closest("select[data-decides]");
  if (!choice) return;
  const button = document.createElement("button");
  button.name = "do";
  button.value = "refresh";
  button.hidden = true;
  // The page comes back at the place that somebody works on.
  const part = choice.closest("[id]:not(select)");
  if (part) button.formAction = `#${part.id}`;
  choice.form.append(button);
  choice.form.requestSubmit(button);
});
