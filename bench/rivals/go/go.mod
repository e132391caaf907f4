module blockferry.example/plain

go 1.19
