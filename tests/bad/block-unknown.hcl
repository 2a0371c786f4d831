iam_rol "deploy" {
}
