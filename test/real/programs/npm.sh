#!/usr/bin/env bash
# Packages from npm's cache, one of them a program that its installation makes ready; then what they are for.
set -euo pipefail
cd /srv/npm
npm ci --offline --cache /srv/npm/cache --no-audit --no-fund
echo 'const express = require("express"); console.log(typeof express());' >app.js
node app.js | grep -x function
node_modules/.bin/esbuild app.js --bundle --platform=node --outfile=bundle.js
rm -rf node_modules
node bundle.js | grep -x function
