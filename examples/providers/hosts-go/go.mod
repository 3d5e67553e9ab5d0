module aivp.example/hosts

go 1.21
