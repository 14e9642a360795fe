"use strict";
// Who has logged in is where they wanted to be: a redirect keeps what is behind the # of the form's address.
document.querySelector("form").action += location.hash;
