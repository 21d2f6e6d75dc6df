// @ts-check
// On this machine itself nobody but the person opens a sign-in link: no need to press its button.
/** @type {HTMLFormElement} */ (document.getElementById("enter")).requestSubmit();
