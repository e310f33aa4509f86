process.stdout.write('bowline-agent: no command yet\n');
