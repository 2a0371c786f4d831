//! A handful of the policies that AWS manages. Their texts are shortened where the real ones list
//! thousands of actions; what they allow is of the same kind.

/// One policy of AWS's.
#[derive(Debug)]
pub(crate) struct AwsManaged {
    pub(crate) path: &'static str,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) text: &'static str,
}

impl AwsManaged {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:iam::aws:policy{}{}", self.path, self.name)
    }
}

/// The policy with this ARN, if AWS has it (and the emulation knows it).
pub(crate) fn find(arn: &str) -> Option<&'static AwsManaged> {
    let rest = arn.strip_prefix("arn:aws:iam::aws:policy")?;
    ALL.iter().find(|policy| rest.strip_prefix(policy.path).is_some_and(|name| name == policy.name))
}

macro_rules! policies {
    ($($path:literal $name:literal $description:literal $effect:literal $key:literal [$($action:literal),*];)*) => {
        /// All of them.
        pub(crate) const ALL: &[AwsManaged] = &[$(AwsManaged {
            path: $path,
            name: $name,
            description: $description,
            text: concat!(
                r#"{"Version":"2012-10-17","Statement":[{"Effect":""#, $effect, r#"","#,
                "\"", $key, "\":[", policies!(@list $($action),*), r#"],"Resource":"*"}]}"#
            ),
        }),*];
    };
    (@list $first:literal $(, $rest:literal)*) => { concat!("\"", $first, "\"" $(, ",\"", $rest, "\"")*) };
}

policies! {
    "/" "AdministratorAccess" "Provides full access to AWS services and resources." "Allow" "Action" ["*"];
    "/" "PowerUserAccess" "Provides full access to AWS services and resources, but does not allow management of Users and groups." "Allow" "NotAction" ["iam:*", "organizations:*", "account:*"];
    "/" "ReadOnlyAccess" "Provides read-only access to AWS services and resources." "Allow" "Action" ["account:Get*", "account:List*", "cloudformation:Describe*", "cloudformation:Get*", "cloudformation:List*", "cloudtrail:Describe*", "cloudtrail:Get*", "cloudtrail:List*", "cloudtrail:LookupEvents", "cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*", "config:Describe*", "config:Get*", "config:List*", "dynamodb:BatchGet*", "dynamodb:Describe*", "dynamodb:Get*", "dynamodb:List*", "dynamodb:Query", "dynamodb:Scan", "ec2:Describe*", "ec2:Get*", "ecr:BatchGet*", "ecr:Describe*", "ecr:Get*", "ecr:List*", "ecs:Describe*", "ecs:List*", "eks:Describe*", "eks:List*", "iam:Generate*", "iam:Get*", "iam:List*", "iam:Simulate*", "kms:Describe*", "kms:Get*", "kms:List*", "lambda:Get*", "lambda:List*", "logs:Describe*", "logs:FilterLogEvents", "logs:Get*", "logs:List*", "organizations:Describe*", "organizations:List*", "rds:Describe*", "rds:List*", "s3:Describe*", "s3:Get*", "s3:List*", "secretsmanager:Describe*", "secretsmanager:GetResourcePolicy", "secretsmanager:List*", "sns:Get*", "sns:List*", "sqs:Get*", "sqs:List*", "sqs:Receive*", "ssm:Describe*", "ssm:Get*", "ssm:List*", "sts:GetAccessKeyInfo", "sts:GetCallerIdentity", "tag:Get*"];
    "/" "SecurityAudit" "The security audit template grants access to read security configuration metadata." "Allow" "Action" ["access-analyzer:Get*", "access-analyzer:List*", "cloudtrail:Describe*", "cloudtrail:GetTrail", "cloudtrail:GetTrailStatus", "cloudtrail:List*", "cloudwatch:Describe*", "config:Describe*", "config:Get*", "config:List*", "dynamodb:DescribeTable", "dynamodb:GetResourcePolicy", "dynamodb:ListTables", "ec2:Describe*", "ecr:DescribeRepositories", "ecr:GetRepositoryPolicy", "guardduty:Get*", "guardduty:List*", "iam:GenerateCredentialReport", "iam:Get*", "iam:List*", "iam:Simulate*", "kms:Describe*", "kms:Get*", "kms:List*", "lambda:GetPolicy", "lambda:List*", "logs:Describe*", "organizations:Describe*", "organizations:List*", "s3:GetAccountPublicAccessBlock", "s3:GetBucket*", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:ListAllMyBuckets", "secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy", "secretsmanager:ListSecrets", "securityhub:Describe*", "securityhub:Get*", "securityhub:List*", "sns:GetTopicAttributes", "sns:ListTopics", "sqs:GetQueueAttributes", "sqs:ListQueues", "ssm:Describe*", "sts:GetAccessKeyInfo"];
    "/" "IAMFullAccess" "Provides full access to IAM via the AWS Management Console." "Allow" "Action" ["iam:*", "organizations:DescribeAccount", "organizations:DescribeOrganization", "organizations:DescribeOrganizationalUnit", "organizations:DescribePolicy", "organizations:ListChildren", "organizations:ListParents", "organizations:ListPoliciesForTarget", "organizations:ListRoots", "organizations:ListPolicies", "organizations:ListTargetsForPolicy"];
    "/" "IAMReadOnlyAccess" "Provides read only access to IAM via the AWS Management Console." "Allow" "Action" ["iam:GenerateCredentialReport", "iam:GenerateServiceLastAccessedDetails", "iam:Get*", "iam:List*", "iam:SimulateCustomPolicy", "iam:SimulatePrincipalPolicy"];
    "/" "AmazonS3FullAccess" "Provides full access to all buckets via the AWS Management Console." "Allow" "Action" ["s3:*", "s3-object-lambda:*"];
    "/" "AmazonS3ReadOnlyAccess" "Provides read only access to all buckets via the AWS Management Console." "Allow" "Action" ["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"];
    "/" "AmazonSSMFullAccess" "Provides full access to Amazon SSM." "Allow" "Action" ["cloudwatch:PutMetricData", "ec2:DescribeInstanceStatus", "logs:*", "ssm:*", "ec2messages:*"];
    "/" "AmazonSSMReadOnlyAccess" "Provides read only access to Amazon SSM." "Allow" "Action" ["ssm:Describe*", "ssm:Get*", "ssm:List*"];
    "/" "AmazonSSMManagedInstanceCore" "The policy for Amazon EC2 Role to enable AWS Systems Manager service core functionality." "Allow" "Action" ["ssm:DescribeAssociation", "ssm:GetDeployablePatchSnapshotForInstance", "ssm:GetDocument", "ssm:DescribeDocument", "ssm:GetManifest", "ssm:GetParameter", "ssm:GetParameters", "ssm:ListAssociations", "ssm:ListInstanceAssociations", "ssm:PutInventory", "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:OpenControlChannel", "ec2messages:GetMessages"];
    "/" "AmazonEC2FullAccess" "Provides full access to Amazon EC2 via the AWS Management Console." "Allow" "Action" ["ec2:*", "elasticloadbalancing:*", "cloudwatch:*", "autoscaling:*"];
    "/" "AmazonEC2ReadOnlyAccess" "Provides read only access to Amazon EC2 via the AWS Management Console." "Allow" "Action" ["ec2:Describe*", "ec2:Get*", "elasticloadbalancing:Describe*", "cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*", "autoscaling:Describe*"];
    "/" "AmazonEC2ContainerRegistryPowerUser" "Provides full access to Amazon EC2 Container Registry repositories, but does not allow repository deletion or policy changes." "Allow" "Action" ["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:DescribeRepositories", "ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"];
    "/" "AmazonEC2ContainerRegistryReadOnly" "Provides read-only access to Amazon EC2 Container Registry repositories." "Allow" "Action" ["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:DescribeRepositories", "ecr:ListImages", "ecr:DescribeImages", "ecr:BatchGetImage"];
    "/" "AmazonDynamoDBFullAccess" "Provides full access to Amazon DynamoDB via the AWS Management Console." "Allow" "Action" ["dynamodb:*", "dax:*", "application-autoscaling:*"];
    "/" "AmazonRDSReadOnlyAccess" "Provides read only access to Amazon RDS via the AWS Management Console." "Allow" "Action" ["rds:Describe*", "rds:ListTagsForResource", "ec2:DescribeAvailabilityZones", "cloudwatch:GetMetricStatistics", "logs:DescribeLogStreams", "logs:GetLogEvents"];
    "/" "AmazonSQSFullAccess" "Provides full access to Amazon SQS via the AWS Management Console." "Allow" "Action" ["sqs:*"];
    "/" "AmazonSNSFullAccess" "Provides full access to Amazon SNS via the AWS Management Console." "Allow" "Action" ["sns:*"];
    "/" "AWSLambda_FullAccess" "Grants full access to AWS Lambda service and related resources." "Allow" "Action" ["lambda:*", "cloudwatch:ListMetrics", "iam:GetRole", "iam:ListRoles", "logs:*", "tag:GetResources"];
    "/" "AWSLambda_ReadOnlyAccess" "Grants read-only access to AWS Lambda service and related resources." "Allow" "Action" ["lambda:Get*", "lambda:List*", "logs:Describe*", "logs:Get*"];
    "/" "AWSCloudFormationFullAccess" "Provides full access to AWS CloudFormation." "Allow" "Action" ["cloudformation:*"];
    "/" "AWSCodeBuildAdminAccess" "Provides full access to AWS CodeBuild via the AWS Management Console." "Allow" "Action" ["codebuild:*", "codecommit:Get*", "codecommit:List*", "cloudwatch:GetMetricStatistics", "logs:GetLogEvents", "logs:DeleteLogGroup"];
    "/" "AWSOrganizationsFullAccess" "Provides full access to AWS Organizations." "Allow" "Action" ["organizations:*", "account:*"];
    "/" "AWSOrganizationsReadOnlyAccess" "Provides read-only access to AWS Organizations." "Allow" "Action" ["organizations:Describe*", "organizations:List*", "account:Get*", "account:List*"];
    "/" "CloudWatchFullAccess" "Provides full access to CloudWatch." "Allow" "Action" ["autoscaling:Describe*", "cloudwatch:*", "logs:*", "sns:*"];
    "/" "CloudWatchReadOnlyAccess" "Provides read only access to CloudWatch." "Allow" "Action" ["autoscaling:Describe*", "cloudwatch:Describe*", "cloudwatch:Get*", "cloudwatch:List*", "logs:Get*", "logs:List*", "logs:Describe*", "logs:FilterLogEvents", "sns:Get*", "sns:List*"];
    "/" "CloudWatchLogsFullAccess" "Provides full access to CloudWatch Logs." "Allow" "Action" ["logs:*"];
    "/" "AWSSupportAccess" "Allows users to access the AWS Support Center." "Allow" "Action" ["support:*"];
    "/" "AWSDenyAll" "Deny all access." "Deny" "Action" ["*"];
    "/job-function/" "ViewOnlyAccess" "This policy grants permissions to view resources and basic metadata across all AWS services." "Allow" "Action" ["cloudformation:List*", "cloudformation:Describe*", "cloudtrail:DescribeTrails", "cloudwatch:Describe*", "cloudwatch:List*", "dynamodb:List*", "ec2:Describe*", "ecs:List*", "eks:List*", "iam:Get*", "iam:List*", "kms:ListAliases", "kms:ListKeys", "lambda:List*", "logs:Describe*", "organizations:List*", "rds:Describe*", "s3:ListAllMyBuckets", "s3:ListBucket", "sns:List*", "sqs:ListQueues", "ssm:DescribeParameters"];
    "/job-function/" "Billing" "Grants permissions for billing and cost management." "Allow" "Action" ["account:GetAccountInformation", "aws-portal:*Billing", "budgets:*", "ce:*", "cur:*", "purchase-orders:*", "tax:*"];
    "/job-function/" "SupportUser" "This policy grants permissions to troubleshoot and resolve issues in an AWS account." "Allow" "Action" ["support:*", "cloudtrail:LookupEvents", "cloudwatch:Describe*", "ec2:Describe*", "iam:Get*", "iam:List*"];
    "/job-function/" "NetworkAdministrator" "Grants full access permissions to AWS services and actions required to set up and configure AWS network resources." "Allow" "Action" ["ec2:*Vpc*", "ec2:*Subnet*", "ec2:*Route*", "ec2:*Gateway*", "ec2:*NetworkAcl*", "ec2:*SecurityGroup*", "ec2:Describe*", "elasticloadbalancing:*", "route53:*", "directconnect:*"];
    "/job-function/" "SystemAdministrator" "Grants full access permissions necessary for resources required for application and development operations." "Allow" "Action" ["cloudwatch:*", "codecommit:*", "codedeploy:*", "config:*", "ec2:*", "lambda:*", "logs:*", "rds:*", "s3:*", "sns:*", "sqs:*", "ssm:*"];
    "/job-function/" "DatabaseAdministrator" "Grants full access permissions to AWS services and actions required to set up and configure AWS database services." "Allow" "Action" ["cloudwatch:*", "dynamodb:*", "elasticache:*", "rds:*", "redshift:*", "s3:GetObject*", "s3:ListBucket"];
    "/service-role/" "AWSLambdaBasicExecutionRole" "Provides write permissions to CloudWatch Logs." "Allow" "Action" ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
    "/service-role/" "AWSLambdaVPCAccessExecutionRole" "Provides minimum permissions for a Lambda function to execute while accessing a resource within a VPC." "Allow" "Action" ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"];
    "/service-role/" "AmazonECSTaskExecutionRolePolicy" "Provides access to other AWS service resources that are required to run Amazon ECS tasks." "Allow" "Action" ["ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "logs:CreateLogStream", "logs:PutLogEvents"];
    "/service-role/" "AWS_ConfigRole" "Default policy for AWS Config service role." "Allow" "Action" ["config:Put*", "config:Get*", "config:List*", "config:Describe*", "ec2:Describe*", "iam:Get*", "iam:List*", "s3:GetBucket*", "s3:ListAllMyBuckets"];
    "/service-role/" "AWSCodeDeployRole" "Provides CodeDeploy service access to expand tags and interact with Auto Scaling on your behalf." "Allow" "Action" ["autoscaling:*", "ec2:DescribeInstances", "ec2:DescribeInstanceStatus", "ec2:TerminateInstances", "tag:GetResources", "sns:Publish", "cloudwatch:DescribeAlarms", "elasticloadbalancing:*"];
    "/service-role/" "AWSBackupServiceRolePolicyForBackup" "Provides AWS Backup permission to create backups on your behalf across AWS services." "Allow" "Action" ["backup:*", "dynamodb:CreateBackup", "dynamodb:DescribeTable", "ec2:CreateSnapshot", "ec2:CreateTags", "ec2:Describe*", "rds:CreateDBSnapshot", "rds:Describe*", "tag:GetResources"];
}
